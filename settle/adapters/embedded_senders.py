"""Who sends through the queues of a SQLite file.

On AWS these are the ids of roles, which SQS puts on every message. Here each process says who it is.
"""

from typing import Final

OPERATOR: Final = "operator"
"""Whoever redrives dead letters by the command line."""
EVENT_SENDERS: Final = ("ingress", "consumer", "worker", OPERATOR)
"""Whose internal messages the consumer believes."""
