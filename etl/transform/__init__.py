"""Tables into tables, pure: no file, network, database or clock. `now`, ids and settings come as
arguments.
"""
