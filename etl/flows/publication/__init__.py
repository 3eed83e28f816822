"""Documents on their way to 1C: queued, published, answered."""
