"""REST transport of Bitrix24 only: pacing, batches, retries, redaction, look-ups of names."""
