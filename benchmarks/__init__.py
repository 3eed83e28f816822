"""Performance as ratios measured in one run: `make bench`. Each module has `run() -> list of (name, measured,
limit, ok)`.
"""
