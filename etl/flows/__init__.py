"""One module per flow: what it extracts, which pure functions it calls, what it loads. `etl.pipeline` gives
the order.
"""
