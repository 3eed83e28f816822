"""What outlives a run: links, merge memory, outbox, registers, publications, runs, journal."""
