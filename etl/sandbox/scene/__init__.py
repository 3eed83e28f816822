"""People, deals and plays of a rehearsal."""
