"""Seeds of the portal: a whole portal as one document."""
