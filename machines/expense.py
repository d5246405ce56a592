"""An expense claim: who may do what is decided by permission rules, beside the machine and apart from it.

SUBMIT says who it is for and how much. A manager may APPROVE or REJECT it, but nobody their own; the owner may WITHDRAW
it. The owner and managers see all of it, the bookkeeper only what there is to pay, and nobody else sees anything.

Who somebody is comes from the API's authorizer: the subject of a JWT, and its claim `role`. On this machine
`make start DEV_IDENTITIES=1` takes both from headers (docs/permissions.md).
"""

from pydantic import BaseModel, Field

from settle import Context, Event, Principal, SnapshotView, Statechart, deny

PAYABLE = frozenset({"owner", "amount"})


class Expense(Context):
    """What a claim remembers."""

    owner: str = ""
    amount: int = 0
    purpose: str = ""


class Submit(BaseModel):
    """Data of SUBMIT; the amount in cents."""

    amount: int = Field(gt=0)
    purpose: str


def submit(ctx: Expense, event: Event) -> None:
    """Remember what is claimed, and by whom: the sender, whatever they wrote."""
    ctx.owner, ctx.amount, ctx.purpose = event.principal, event["amount"], event["purpose"]


def is_manager(principal: Principal) -> bool:
    """Whether somebody may decide."""
    return principal.claims.get("role") == "manager"


def allow_send(principal: Principal, event: Event, snapshot: SnapshotView | None) -> object:
    """Decide who may send an event; `snapshot` is None before the first one."""
    if not principal.name:
        return deny("sign_in")
    is_owner = snapshot is not None and snapshot.context.owner == principal.name
    match event.type:
        case "SUBMIT":
            return snapshot is None or not snapshot.context.owner or is_owner or deny("owner_only")
        case "WITHDRAW":
            return is_owner or deny("owner_only")
        case "APPROVE" | "REJECT":
            return (is_manager(principal) or deny("managers_only")) and (not is_owner or deny("not_your_own"))
        case _:  # create, pause, delete and the like
            return is_manager(principal) or deny("managers_only")


def allow_read(principal: Principal, snapshot: SnapshotView) -> object:
    """Decide what somebody sees: all of it, some fields of the context, or nothing."""
    if is_manager(principal) or principal.name == snapshot.context.owner:
        return True
    return PAYABLE if principal.claims.get("role") == "bookkeeper" else deny("owner_or_manager")


MACHINE = Statechart(
    id="expense",
    context=Expense,
    events={"SUBMIT": Submit},
    states=[
        {"name": "draft", "tags": ["settled"]},
        {"name": "claimed", "tags": ["settled"]},
        *({"name": name, "final": True} for name in ("approved", "rejected", "withdrawn")),
    ],
    transitions=[
        {"trigger": "SUBMIT", "source": "draft", "dest": "claimed", "actions": submit},
        {"trigger": "APPROVE", "source": "claimed", "dest": "approved"},
        {"trigger": "REJECT", "source": "claimed", "dest": "rejected"},
        {"trigger": "WITHDRAW", "source": "claimed", "dest": "withdrawn"},
    ],
)
