"""An approval with more answers than yes and no.

SUBMIT names an author, a reviewer and a text. The reviewer gets a mail (a file in `outbox/`) and may then

- APPROVE or REJECT it, which ends it,
- REQUEST_CHANGES, after which the author may RESUBMIT,
- DELEGATE it to somebody else, who gets a mail in turn.

Only the present reviewer may answer; anybody else's answer is refused. So is a delegation to somebody who is not in the
directory: then nothing at all changes, and the sender is told why. Until it ends, the author may WITHDRAW it.
"""

from pydantic import BaseModel

from machines._outbox import send_mail
from settle import Context, Event, ServiceCall, ServiceError, Statechart

DIRECTORY = ("ana", "bo", "chris", "dana")


class Approval(Context):
    """What an approval remembers."""

    author: str = ""
    reviewer: str = ""
    text: str = ""
    remarks: tuple[str, ...] = ()


class Submit(BaseModel):
    """Data of SUBMIT."""

    author: str
    reviewer: str
    text: str


class Answer(BaseModel):
    """Data of every answer: who gives it, what they say, and for DELEGATE whom they name."""

    by: str
    remark: str = ""
    to: str = ""


def is_reviewer(ctx: Approval, event: Event) -> bool:
    """Whether the answer comes from the one who was asked."""
    return bool(event["by"] == ctx.reviewer)


def is_author(ctx: Approval, event: Event) -> bool:
    """Whether the author speaks."""
    return bool(event["by"] == ctx.author)


def submit(ctx: Approval, event: Event) -> None:
    """Remember what is to be approved."""
    ctx.author, ctx.reviewer, ctx.text = event["author"], event["reviewer"], event["text"]


def note(ctx: Approval, event: Event) -> None:
    """Remember what somebody said."""
    if event["remark"]:
        ctx.remarks = (*ctx.remarks, f"{event['by']}: {event['remark']}")


def hand_over(ctx: Approval, event: Event) -> None:
    """Make the person who was found the reviewer."""
    ctx.reviewer = event["person"]


def ask_reviewer(call: ServiceCall) -> None:
    """Mail the reviewer."""
    approval: Approval = call.context
    send_mail(call.key, to=approval.reviewer, subject=f"{approval.author} asks for approval", text=approval.text)


def look_up(call: ServiceCall) -> dict[str, str]:
    """Find a person; a real one would ask the directory of the company."""
    if call.event["to"] not in DIRECTORY:
        raise ServiceError("unknown_person", f"there is no {call.event['to']}")
    return {"person": call.event["to"]}


LOOK_UP = {"src": look_up, "on_done": {"dest": "asking", "actions": hand_over}, "on_error": "nobody"}
REVIEWER = {"conditions": is_reviewer, "actions": note}
AUTHOR = {"conditions": is_author, "actions": note}

MACHINE = Statechart(
    id="approval",
    context=Approval,
    events={
        "SUBMIT": Submit,
        **dict.fromkeys(("APPROVE", "REJECT", "REQUEST_CHANGES", "DELEGATE", "RESUBMIT", "WITHDRAW"), Answer),
    },
    states=[
        {"name": "draft", "tags": ["settled"]},
        {
            "name": "open",
            "children": [
                {"name": "asking", "invoke": {"src": ask_reviewer, "on_done": "pending", "on_error": "pending"}},
                {"name": "pending", "tags": ["settled"]},
                {"name": "changing", "tags": ["settled"]},
                {"name": "delegating", "invoke": LOOK_UP},
                {"name": "nobody", "tags": ["rejected"]},
            ],
        },
        *({"name": name, "final": True} for name in ("approved", "declined", "withdrawn")),
    ],
    transitions=[
        {"trigger": "SUBMIT", "source": "draft", "dest": "open", "actions": submit},
        {"trigger": "APPROVE", "source": "open.pending", "dest": "approved", **REVIEWER},
        {"trigger": "REJECT", "source": "open.pending", "dest": "declined", **REVIEWER},
        {"trigger": "REQUEST_CHANGES", "source": "open.pending", "dest": "open.changing", **REVIEWER},
        {"trigger": "DELEGATE", "source": "open.pending", "dest": "open.delegating", **REVIEWER},
        {"trigger": "RESUBMIT", "source": "open.changing", "dest": "open.asking", **AUTHOR},
        {"trigger": "WITHDRAW", "source": "open", "dest": "withdrawn", **AUTHOR},
    ],
)
