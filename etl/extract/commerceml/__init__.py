"""CommerceML files into tables: what is proven, found, read and made a row."""
