"""Values that may stand alone or in a list."""


def listed(value: object) -> list[object]:
    """Return the value as a list; an empty one for None."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
