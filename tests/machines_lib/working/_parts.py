"""A helper beside the machines: not a machine itself."""

STATES = ["open", "closed"]
