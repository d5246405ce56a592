"""Silencing findings: an author says why one does not matter."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from settle.core.errors import Finding
from settle.core.validation.survey import suggest

JUDGEMENTS: Final = frozenset(
    {
        "ambiguous-delay",
        "cannot-settle",
        "delayed-event",
        "eventless-cycle",
        "final-node-continues",
        "final-node-invokes",
        "misplaced-part",
        "never-done",
        "never-settles",
        "not-json",
        "odd-invoke",
        "regions-never-rest",
        "rejected-initially",
        "settled-node-invokes",
        "unknown-done-event",
        "unsafe-name",
    }
)
"""Errors about machines that can run all the same, so that their author may know better; so may they of any warning."""
CANNOT_SILENCE: Final = "cannot-silence"
UNUSED_SILENCE: Final = "unused-silence"


def heed_silences(findings: Iterable[Finding], silenced: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings that are left when the silenced ones are dropped.

    An error that leaves no machine to run stays, with another that says so. A silence without a finding is a warning
    once nothing else is wrong: errors may hide what it is for.

    Args:
        findings: all of a build, in order.
        silenced: reasons, by code or by `code@path`.
    """
    left: list[Finding] = []
    used: set[str] = set()
    denied: dict[str, Finding] = {}
    for finding in findings:
        keys = [key for key in (finding.code, f"{finding.code}@{finding.node}") if key in silenced]
        used.update(keys)
        if keys and _may_be_silenced(finding):
            continue
        left.append(finding)
        denied.update((key, finding) for key in keys)
    left += map(_deny, denied, denied.values())
    if not any(finding.severity == "error" for finding in left) and UNUSED_SILENCE not in silenced:
        left += _list_unused([key for key in silenced if key not in used], [*JUDGEMENTS, *(f.code for f in left)])
    return tuple(left)


def _may_be_silenced(finding: Finding) -> bool:
    return finding.severity != "error" or finding.code in JUDGEMENTS


def _deny(key: str, finding: Finding) -> Finding:
    message = f"{key!r} cannot be silenced, since there is no machine to run with it; mend it, and drop the reason"
    return Finding(code=CANNOT_SILENCE, node=finding.node, message=message)


def _list_unused(keys: Sequence[str], known: Collection[str]) -> Iterator[Finding]:
    for key in keys:
        code, _, path = key.partition("@")
        hint = "" if code in known else suggest(code, known)
        message = f"`silenced` gives a reason for {key!r}, and there is no such finding{hint}; drop it"
        yield Finding(code=UNUSED_SILENCE, node=path, message=message, severity="warning")
