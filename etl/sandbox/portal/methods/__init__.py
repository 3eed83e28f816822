"""The REST methods of the portal, by what they are about."""
