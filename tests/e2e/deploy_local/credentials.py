"""Credentials that are worth nothing, in the place of the user's own."""

import os
from collections.abc import MutableMapping

from tests.e2e.deploy_local.emulator import REGION, ROOT_KEY


def use_emulator(url: str, environment: MutableMapping[str, str] = os.environ) -> None:
    """Have every client of this process, and of those that it starts, talk to the emulator alone.

    Whatever the shell says about AWS is dropped, and so are the user's files: nothing here can reach an account.
    """
    for name in [name for name in environment if name.startswith("AWS_")]:
        del environment[name]
    environment.update(
        AWS_ENDPOINT_URL=url,
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID=ROOT_KEY,
        AWS_SECRET_ACCESS_KEY=ROOT_KEY,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
    )
