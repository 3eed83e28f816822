"""Sources into canonical tables (`etl.tables`): portal, CommerceML files, spreadsheets, bank statements."""
