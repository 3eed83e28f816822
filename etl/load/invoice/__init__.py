"""The template of an invoice that a person prints from the portal."""
