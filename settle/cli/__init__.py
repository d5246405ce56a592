"""The command line: `python -m settle ...`."""
