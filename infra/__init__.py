"""The AWS side: constructs per concern, one stack per stage."""
