"""What people do during a rehearsal, in 1C, at the bank and in the portal: one play per kind of demo data."""
