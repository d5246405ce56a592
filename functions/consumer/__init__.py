"""The consumer function."""
