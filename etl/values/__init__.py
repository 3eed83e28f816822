"""One spelling of an ИНН, a sum, a number towards 1C."""
