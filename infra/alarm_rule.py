"""What an alarm is: when it goes off, and what whoever is woken by it reads."""

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch

GUIDE = "docs/operations.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """One alarm.

    Attributes:
        id: short and unique; the alarm's name ends with it.
        section: of the guide, that says what to do; several alarms may share one.
        urgent: whether callers or instances wait for somebody to act now, so that it may wake one at night.
        what: happened, in plain words.
        first: what to do first.
        metric: that is looked at.
        threshold: the alarm goes off at this value or above.
        points: how many of the last `periods` have to be that high.
        periods: how many are looked at. The metric says how long one is.
        tells_end: whether the end of the alarm means that all is well again, so that it is told too.
    """

    id: str
    section: str
    urgent: bool
    what: str
    first: str
    metric: cloudwatch.IMetric
    threshold: float
    points: int = 1
    periods: int = 1
    tells_end: bool = True

    @property
    def description(self) -> str:
        """What stands in the mail."""
        when = "Act now." if self.urgent else "Act within the day."
        return f'{self.what} {when} First: {self.first} More: {GUIDE}, section "{self.section}"'
