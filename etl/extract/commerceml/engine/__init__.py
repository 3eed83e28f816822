"""The fast reading of CommerceML: tokens, units of like records, a plan per shape, columns, fields.

It knows no element by name.
"""
