"""Performance as ratios measured in one run: `make bench`.

Each benchmark is a module with `run()`, which returns rows (`measuring.Row`); `python -m benchmarks NAME`
runs it alone.
"""
