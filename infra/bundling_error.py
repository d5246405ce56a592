"""Why there is no bundle."""


class BundlingError(RuntimeError):
    """A step of the bundling failed; the message says which, and what it said."""
