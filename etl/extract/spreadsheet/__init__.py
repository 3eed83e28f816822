"""Workbooks and exports that a person saved, into tables, behind a guard."""
