"""What stands behind a command: data in, data out. The words for it, and the exit code, are of whoever
asked.
"""
