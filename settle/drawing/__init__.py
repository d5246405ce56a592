"""Seeing a machine: its definition as a diagram, and as sentences. Needs the core alone, so every front can show it."""
