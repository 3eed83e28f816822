"""A faithful Bitrix24 portal on loopback."""
