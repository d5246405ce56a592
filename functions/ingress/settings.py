"""Settings of the ingress function."""

from functions.settings import RuntimeSettings


class IngressSettings(RuntimeSettings):
    """The ingress needs no more than every function does."""
