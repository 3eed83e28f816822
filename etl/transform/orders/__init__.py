"""Pure rules of orders: deals, composition."""
