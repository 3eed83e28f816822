"""Changes into the portal: deals and invoices, notes, parties, products."""
