"""How machines are written down: front ends that turn an author's configuration into a compiled definition."""
