"""Changes on their way to the portal: noted, written, journalled with their outcome."""
