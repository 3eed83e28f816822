"""Pure rules of money: what a purpose says, which charge it pays, what is paid, what differs."""
