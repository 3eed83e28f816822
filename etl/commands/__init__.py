"""What stands behind a command: data in, data out; no click, no text of the terminal."""
