"""The machines: each file here exports one as `MACHINE`. Files that begin with `_` are helpers."""
