"""Whoever is woken opens this page: what it names has to be there, and what can wake one has to be on it."""

import re
from collections.abc import Callable, Iterator

import pytest
from aws_cdk import aws_logs as logs
from botocore import xform_name
from botocore.session import Session

from infra.stage import STAGES, Stage
from tests.infra.synthesized import ROOT, Synthesized

GUIDE = (ROOT / "docs" / "operations.md").read_text()
NAMED = re.compile(r'section "([^"]+)"$')
PARTS = ("**Why it fires.**", "**Look.**", "**Do.**", "**Over when**")


def sections() -> dict[str, str]:
    """Return the sections below "Alarms", by heading."""
    alarms = GUIDE.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    parts = alarms.split("\n### ")[1:]
    return {heading: text for heading, _, text in (part.partition("\n") for part in parts)}


def described(stack: Synthesized) -> dict[str, str]:
    """Return the section that each alarm names, by the alarm's id."""
    stage = stack.environment("consumer")["SETTLE_STAGE"]
    found = {}
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        named = NAMED.search(alarm["Properties"]["AlarmDescription"])
        assert named is not None, alarm["Properties"]["AlarmName"]
        found[alarm["Properties"]["AlarmName"].removeprefix(f"settle-{stage}-")] = named[1]
    return found


def test_each_alarm_has_a_section_and_each_section_an_alarm(stack: Synthesized) -> None:
    assert set(described(stack).values()) == set(sections())


def test_a_section_begins_with_its_alarms_and_whether_they_are_urgent(stack: Synthesized) -> None:
    for heading, text in sections().items():
        opening = text.strip().partition("\n\n")[0]
        ids = {alarm for alarm, section in described(stack).items() if section == heading}
        assert set(re.findall(r"`([a-z-]+)`", opening)) == ids, heading


@pytest.mark.parametrize("heading", sections())
def test_a_section_says_why_where_to_look_what_to_do_and_when_it_is_over(heading: str) -> None:
    text = sections()[heading]
    places = [text.find(part) for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)


def test_commands_take_only_outputs_that_the_stack_has(stack: Synthesized) -> None:
    taken = set(re.findall(r"\boutput\s+([A-Z]\w+)", GUIDE))
    assert len(taken) > 10
    assert taken <= set(stack.template["Outputs"])


def test_lines_of_the_log_that_the_guide_looks_for_are_written_somewhere() -> None:
    messages = re.findall(r'\$\.message = "([^"*]+)\*?"', GUIDE)
    sources = [path.read_text() for path in (ROOT / "settle" / "runtime").glob("*.py")]
    assert len(messages) > 3
    for message in messages:
        assert any(f'"{message}' in source for source in sources), message


def test_links_to_other_pages_and_sections_lead_somewhere() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", GUIDE):
        page, _, section = target.partition("#")
        assert (ROOT / "docs" / page).exists() if page else section in headings, target


# Commands ------------------------------------------------------------------------------------------------------------

# Of the command line itself, for every operation.
GLOBAL = {"output", "query"}
# It has no operation of that name behind it; from `aws logs tail help`.
TAIL = {"since", "format", "filter-pattern"}


def commands() -> Iterator[tuple[str, str, set[str]]]:
    """Yield service, operation and options of each `aws` command of the guide."""
    # Substitutions and quoted texts first: they may hold what looks like options.
    plain = re.sub(r"\\\n\s*", " ", GUIDE)
    for service, operation, rest in re.findall(r"\baws\s+([a-z0-9-]+)\s+([a-z-]+)([^\n`]*)", plain):
        yield service, operation, set(re.findall(r"(?<=\s)--([a-z-]+)", re.sub(r"'[^']*'", "''", rest)))


def test_every_command_is_one_that_aws_describes() -> None:
    session = Session()
    found = list(commands())
    assert len(found) > 20
    for service, operation, options in found:
        if (service, operation) == ("logs", "tail"):
            assert options <= TAIL, options
            continue
        model = session.get_service_model(service)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in names, f"aws {service} {operation}"
        shape = model.operation_model(names[operation]).input_shape
        members = set() if shape is None else {xform_name(member, "-") for member in shape.members}
        assert options - GLOBAL <= members, f"aws {service} {operation}"


# The table of stages --------------------------------------------------------------------------------------------------


DAYS = {logs.RetentionDays.ONE_WEEK: "7", logs.RetentionDays.ONE_MONTH: "30", logs.RetentionDays.THREE_MONTHS: "90"}


def _reserved(stage: Stage) -> str:
    both = (stage.ingress.reserved_concurrency, stage.consumer.reserved_concurrency)
    return " / ".join("none" if each is None else str(each) for each in both)


ROWS: dict[str, Callable[[Stage], str]] = {
    "instances, events, timers and logs outlive the stack": lambda stage: "yes" if stage.protected else "no",
    "stack and table refuse deletion": lambda stage: "yes" if stage.protected else "no",
    "level of our log lines": lambda stage: stage.log_level.value,
    "days that logs are kept": lambda stage: DAYS[stage.log_retention],
    "tracing": lambda stage: "on" if stage.tracing else "off",
    "alarms": lambda stage: "on" if stage.alarms else "off",
    "reserved concurrency of ingress / consumer": _reserved,
    "batches of events at once, and as many of timers": lambda stage: str(stage.maximum_concurrency),
    "background calls at once": lambda stage: str(stage.worker_concurrency),
    "requests per second / at once": lambda stage: f"{stage.rate_limit} / {stage.burst_limit}",
}


@pytest.mark.parametrize("row", ROWS)
def test_the_table_of_stages_is_the_one_of_the_code(row: str) -> None:
    cells = [ROWS[row](stage) for stage in STAGES.values()]
    assert f"| {row} | {' | '.join(cells)} |\n" in GUIDE
