"""Machines that only benchmarks run: `python -m settle.local --machines benchmarks/machines`."""
