"""Drives the instances of the parcel machine through the API."""

from typing import Any, Final

from tests.e2e.deploy_local.api_client import ApiClient
from tests.e2e.deploy_local.story import Story

PATIENCE_SECONDS: Final = 20.0
_OK: Final = 200
_ACCEPTED: Final = 202


class Parcels:
    """All parcels, as one caller sees them.

    Args:
        api: signed as that caller.
        story: that is told what is seen.
    """

    def __init__(self, api: ApiClient, story: Story) -> None:
        self._api, self._story = api, story

    def send(self, instance: str, event: str, data: object) -> None:
        """POST an event, which has to be accepted."""
        answer = self._api.post(f"/machines/parcel/instances/{instance}/events", {"type": event, "data": data})
        self._story.check(f"POST {event} to {instance} is accepted", answer.status == _ACCEPTED, answer)

    def note(self, instance: str, text: str) -> None:
        """POST a NOTE."""
        self.send(instance, "NOTE", {"text": text})

    def read_status(self, instance: str) -> int:
        """GET an instance and return the status of the answer."""
        return self._api.get(f"/machines/parcel/instances/{instance}").status

    def read(self, instance: str) -> dict[str, Any] | None:
        """GET an instance; None while there is none."""
        answer = self._api.get(f"/machines/parcel/instances/{instance}")
        found: dict[str, Any] | None = answer.body if answer.status == _OK else None
        return found

    def wait_for_value(self, instance: str, value: str) -> dict[str, Any]:
        """Wait until an instance is at a node."""

        def look() -> dict[str, Any] | None:
            found = self.read(instance)
            return found if found is not None and found["value"] == value else None

        return self._story.wait(f"GET {instance} shows {value!r}", look, PATIENCE_SECONDS)

    def wait_for_notes(self, instance: str, *notes: str) -> dict[str, Any]:
        """Wait until an instance has so many notes, and check that they are these, in this order."""

        def look() -> dict[str, Any] | None:
            found = self.read(instance)
            return found if found is not None and len(found["context"]["notes"]) >= len(notes) else None

        found = self._story.wait(f"GET {instance} shows {len(notes)} notes", look, PATIENCE_SECONDS)
        seen = found["context"]["notes"]
        self._story.check(f"they are {', '.join(notes)}, in this order", seen == list(notes), seen)
        return found
