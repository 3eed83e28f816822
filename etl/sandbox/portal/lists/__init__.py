"""Lists of the portal: what a filter means and which records answer it."""
