"""The customer's handler of the extended contract (docs/contract-1c.ru.md)."""
