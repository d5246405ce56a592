"""A rollback with messages in flight: older code meets what a newer release wrote, and loses none of it."""

from pathlib import Path
from typing import Final

from tests.e2e.deploy_local.cdk_cli import CdkCli
from tests.e2e.deploy_local.deployment import STACK, Deployment
from tests.e2e.deploy_local.parcels import Parcels
from tests.e2e.deploy_local.pollers import Pollers
from tests.e2e.deploy_local.story import Story

EVENTS: Final = f"{STACK}-events.fifo"
INSTANCES: Final = ("stored", "followed", "queued")
"""Of each, three notes are sent: those by the newer release, and then one by the older. The first instance is stored by
the newer release and has no message of it; the second one has one; of the third there is nothing but messages."""
WAITING: Final = 6
"""Messages that the older release must leave alone."""
TRIES: Final = 2 * WAITING
"""Each of them tried twice, if the groups take turns."""
UNAVAILABLE: Final = 503
NOT_FOUND: Final = 404
PATIENCE_SECONDS: Final = 30.0


def roll_back(
    story: Story,
    cdk: CdkCli,
    *,
    older: Path,
    newer: Path,
    deployment: Deployment,
    parcels: Parcels,
    pollers: Pollers,
) -> None:
    """Deploy a newer release, go back with its messages in the queue, and forward again.

    Args:
        story: that is told.
        cdk: the command line.
        older: assembly of the release that is deployed.
        newer: assembly of one whose schemas it does not know.
        deployment: looked at from outside.
        parcels: the callers' side.
        pollers: stopped while messages gather.
    """
    with story.step("a newer release, whose messages and snapshots have a newer schema, is deployed"):
        cdk.deploy(newer)
        parcels.note("stored", "1")
        parcels.note("stored", "2")
        parcels.note("followed", "1")
        parcels.wait_for_notes("stored", "1!", "2!")
        parcels.wait_for_notes("followed", "1!")
        pollers.stop()
        parcels.note("followed", "2")
        parcels.note("queued", "1")
        parcels.note("queued", "2")
        seen = deployment.count_messages(EVENTS)
        story.check("three of its messages are in flight", seen == WAITING - len(INSTANCES), seen)
    with story.step("the older release is deployed again, and gets messages of its own for the same instances"):
        cdk.deploy(older)
        for name in INSTANCES:
            parcels.note(name, "3")
        parcels.note("other", "1")
        pollers.start()
        parcels.wait_for_notes("other", "1!")
        story.say("    so other instances flow on")
        _check_patience(story, deployment, parcels, pollers)
    with story.step("the newer release is deployed again"):
        # Each try doubles the pause before the next one, up to a minute, which nobody needs to wait for here.
        pollers.stop()
        cdk.deploy(newer)
        pollers.start()
        for name in INSTANCES:
            found = parcels.wait_for_notes(name, "1!", "2!", "3!")
            story.check("nothing is quarantined", found["blocked"] is None, found["blocked"])
        story.wait("the queue is empty", lambda: deployment.count_messages(EVENTS) == 0 or None, PATIENCE_SECONDS)


def _check_patience(story: Story, deployment: Deployment, parcels: Parcels, pollers: Pollers) -> None:
    """Check that the older release tries, and leaves everything where it is."""
    story.wait(
        f"messages were tried {TRIES} times and more",
        lambda: pollers.count_failed(EVENTS) >= TRIES or None,
        PATIENCE_SECONDS,
    )
    seen = deployment.count_messages(EVENTS)
    story.check(f"all {WAITING} still wait in the queue", seen == WAITING, seen)
    dead = deployment.count_dead_letters()
    story.check("none is a dead letter", not dead, dead)
    statuses = {name: parcels.read_status(name) for name in INSTANCES}
    wanted = {"stored": UNAVAILABLE, "followed": UNAVAILABLE, "queued": NOT_FOUND}
    story.check("reading what the newer release stored answers 503, for the time being", statuses == wanted, statuses)
