"""Flows of orders: what comes from 1C, what goes to it, and what both sides edit."""
