"""The sample machine `count`, whose events lead to two services of 20 ms each."""

from machines.count import MACHINE

__all__ = ["MACHINE"]
