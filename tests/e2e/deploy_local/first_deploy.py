"""The walk of an operator on the first day: deploy, smoke test, everything in use once, and a new version."""

import json
from pathlib import Path
from typing import Final

from tests.e2e.deploy_local.api_client import ApiClient
from tests.e2e.deploy_local.cdk_cli import CdkCli
from tests.e2e.deploy_local.deployment import Deployment
from tests.e2e.deploy_local.guide import OperatorShell, read_block
from tests.e2e.deploy_local.parcels import PATIENCE_SECONDS, Parcels
from tests.e2e.deploy_local.story import Story

FORBIDDEN: Final = 403
OK: Final = 200
UNAVAILABLE: Final = 503


def check_callers(story: Story, deployment: Deployment) -> ApiClient:
    """Check who is let in, and return the client of somebody who is.

    IAM is enforced here as on AWS, and for the roles of the functions too: whatever works in this run works with no
    more than their policies allow.
    """
    url, path = deployment.outputs["ApiUrl"], "/machines/parcel"
    unsigned = ApiClient(url).get(path)
    story.check("without a signature the API answers 403", unsigned.status == FORBIDDEN, unsigned)
    stranger = ApiClient(url, deployment.create_caller("stranger", paths=None)).get(path)
    story.check("signed by a user without a policy: 403", stranger.status == FORBIDDEN, stranger)
    narrow = ApiClient(url, deployment.create_caller("sender", paths="*/POST/machines/parcel/*"))
    story.check("signed by a user that may only POST: 403 for GET", narrow.get(path).status == FORBIDDEN)
    caller = ApiClient(url, deployment.create_caller("caller", paths="*"))
    described = caller.get(path)
    story.check("signed by a user that may: the machine is described", described.status == OK, described)
    _check_roles(story, deployment, caller)
    return caller


def _check_roles(story: Story, deployment: Deployment, caller: ApiClient) -> None:
    """Check that the functions are held to their policies too, or everything that follows would prove less."""
    events, note = "/machines/parcel/instances/denied/events", {"type": "NOTE", "data": {"text": "never sent"}}
    with deployment.deny("IngressFunctionName", "sqs:SendMessage"):
        denied = caller.post(events, note)
    story.check("an ingress that may not send to the queue answers 503", denied.status == UNAVAILABLE, denied)


def check_everything_once(story: Story, deployment: Deployment, parcels: Parcels) -> None:
    """Use every resource of the stack: table, three queues, scheduler, three functions, API."""
    parcels.note("two", "first")
    parcels.wait_for_notes("two", "first")
    parcels.send("one", "SHIP", {"beside": "two"})
    shelf = parcels.wait_for_value("one", "shelf")
    label = shelf["context"]["label"]
    story.check("a background service answered: tasks queue and worker", label == "label of one", label)
    parcels.wait_for_value("one", "loaded")
    story.say("    that was a timer: 2 s in the timers queue")
    parcels.wait_for_notes("two", "first", "loaded beside")
    story.say("    that was a message of one instance to another")
    due = deployment.schedules()
    story.check("the timer of an hour is one schedule of the group", len(due) == 1, due)
    parcels.send("one", "HOME", {})
    parcels.wait_for_value("one", "home")
    story.wait(
        "the timer that was left behind is no schedule any more",
        lambda: None if deployment.schedules() else True,
        5.0,
    )
    dead = deployment.count_dead_letters()
    story.check("no dead letters", not dead, dead)


def upgrade(story: Story, cdk: CdkCli, old: Path, new: Path, parcels: Parcels) -> None:
    """Deploy a new version of a machine in place, with instances alive."""
    story.check("cdk diff of what was deployed shows no difference", not cdk.differs(old))
    story.check("cdk diff of the new release shows one", cdk.differs(new))
    cdk.deploy(new)
    story.check("after the deploy it shows none", not cdk.differs(new))
    parcels.note("two", "third")
    survivor = parcels.wait_for_notes("two", "first", "loaded beside", "third")
    version = survivor["machine_version"]
    story.check("an instance of version 1 goes on under version 1", version == 1, version)
    parcels.note("three", "first")
    version = parcels.wait_for_notes("three", "first!")["machine_version"]
    story.check("a new instance begins under version 2", version == 2, version)


def check_dead_letters(story: Story, deployment: Deployment, shell: OperatorShell) -> None:
    """Send what is no event, and read it among the dead letters as docs/deploy.md tells."""
    deployment.send_nonsense()
    story.wait("nonsense is a dead letter", lambda: deployment.count_dead_letters() or None, PATIENCE_SECONDS)
    letters = json.loads(shell.type(read_block("read dead letters")))["Messages"]
    reasons = [letter["MessageAttributes"]["reason"]["StringValue"] for letter in letters]
    story.check("read, it says why", len(reasons) == 1 and reasons[0].startswith("not an envelope"), letters)
