"""Tables into the workbooks that the accountant opens."""
