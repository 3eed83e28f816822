"""The portal into tables: deals, parties, products."""
