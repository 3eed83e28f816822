"""Bank statements in the text format 1CClientBankExchange, to the table `receipts`."""
