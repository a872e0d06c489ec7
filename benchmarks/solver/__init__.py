"""The explicit solver beside PPOPT's four algorithms: `python -m benchmarks.solver`."""
