"""The local system: the real Lambda handlers on this machine, called with the events that Lambda would give them."""
