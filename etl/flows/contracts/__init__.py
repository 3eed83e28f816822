"""Flows of a contract: billing, commission, the deal export, reconciliation."""
