"""Lists of the portal, long ones with the fewest requests."""
