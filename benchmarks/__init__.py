"""Measurements: each module prints tables, none is a test. See README.md here."""
