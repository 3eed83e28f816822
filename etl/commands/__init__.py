"""What stands behind a command: data in, data out. Words and exit codes are of whoever asked."""
