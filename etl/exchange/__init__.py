"""The exchange folder: settle, claim, copy, publish, archive, quarantine, and the poll that watches it."""
