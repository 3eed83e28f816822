"""Pure rules of a contract: fees, charges, commission."""
