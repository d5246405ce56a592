STATES = ["open", "closed"]
