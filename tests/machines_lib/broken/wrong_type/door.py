MACHINE = {"id": "door", "states": ["open", "closed"]}
