"""A restore as docs/deploy.md tells: some instances, then all of them, and the system goes on."""

from tests.e2e.deploy_local.guide import OperatorShell, read_block
from tests.e2e.deploy_local.parcels import Parcels
from tests.e2e.deploy_local.pollers import Pollers
from tests.e2e.deploy_local.story import Story


def restore(story: Story, shell: OperatorShell, parcels: Parcels, pollers: Pollers) -> None:
    """Restore a table whose instances have moved on since.

    The emulator has no past: its restore copies what is there now. So the moment to go back to is this one, and two
    instances are changed after the copy.
    """
    for name in ("kept", "damaged"):
        parcels.note(name, "before")
        parcels.wait_for_notes(name, "before!")
    shell.type(read_block("stop"))
    shell.type(read_block("restore beside"))
    for name in ("kept", "damaged"):
        parcels.note(name, "after")
        parcels.wait_for_notes(name, "before!", "after!")
    pollers.stop()
    parcels.note("damaged", "waiting")
    story.say("    one event waits in the queue, of the instance that goes back")
    shell.type(read_block("some instances").replace("counter/damaged", "parcel/damaged"))
    story.say("    some instances: put back")
    pollers.start()
    parcels.wait_for_notes("damaged", "before!", "waiting!")
    parcels.wait_for_notes("kept", "before!", "after!")
    pollers.stop()
    shell.type(read_block("all instances"))
    shell.type(read_block("settings"))
    story.say("    all instances: the restored table has the old one's name")
    shell.type(read_block("go on"))
    pollers.start()
    parcels.note("kept", "later")
    parcels.wait_for_notes("kept", "before!", "later!")
