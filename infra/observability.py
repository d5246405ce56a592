"""What an operator sees and is told: the dashboard, the alarms, and the topics that they go to."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.alarm_rule import AlarmRule
from infra.alarm_rules import alarm_rules
from infra.alarm_topic import AlarmTopic
from infra.dashboard import dashboard_rows
from infra.stage import Stage
from infra.watched import Watched


class Observability(Construct):
    """Dashboard and alarms of one stage.

    There are two topics, so that a pager can be subscribed to one and a mailbox to the other. The stage's alarm
    address is told both. No alarm depends on another: the first mail of a night is allowed to be two.

    Attributes:
        urgent: the topic of what somebody has to act on now.
        notices: the topic of what somebody has to act on within the day.
        alarms: all alarms; none when the stage wants none.
        dashboard: the dashboard.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, watched: Watched, key: kms.IKey | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        self._name = name = stage.stack_name
        address = stage.alarm_address
        self.urgent = AlarmTopic(self, "Urgent", name=name, display_name=f"{name}: act now", address=address, key=key)
        self.notices = AlarmTopic(
            self, "Notices", name=name, display_name=f"{name}: act within the day", address=address, key=key
        )
        self.alarms = [self._alarm(rule) for rule in alarm_rules(watched)] if stage.alarms else []
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=name,
            default_interval=None,
            widgets=dashboard_rows(watched, self.alarms),
        )

    def _alarm(self, rule: AlarmRule) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            "".join(word.capitalize() for word in rule.id.split("-")),
            # It is the subject of the mail.
            alarm_name=f"{self._name}-{rule.id}",
            alarm_description=rule.description,
            metric=rule.metric,
            threshold=rule.threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=rule.periods,
            datapoints_to_alarm=rule.points,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        action = actions.SnsAction((self.urgent if rule.urgent else self.notices).topic)
        alarm.add_alarm_action(action)
        if rule.tells_end:
            alarm.add_ok_action(action)
        return alarm
