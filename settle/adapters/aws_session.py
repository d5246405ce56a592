"""Where AWS clients come from: one session for all of a process, each client made when it is first used.

The session is botocore's. That of boto3 gives the very same clients, and imports what transfers files to S3 and what
makes resources of tables: a sixth of what importing it takes, at every cold start. A session reads its tables of
endpoints and services once, so a second client from it takes a tenth of the first.
"""

from collections.abc import Callable
from threading import RLock
from typing import Any, Final, TypeVar, cast

from botocore.loaders import create_loader
from botocore.session import Session

Client = TypeVar("Client")

SERVICES: Final = ("dynamodb", "scheduler", "sqs")
"""Of which there are clients here."""


def make_session() -> Session:
    """Return a session with the credentials and the region of the environment."""
    session = Session()
    loader = create_loader(session.get_config_variable("data_path"))
    # Else it looks into hundreds of folders, twice, for the names of all that there is.
    loader.list_available_services = lambda _type: [*SERVICES]
    session.register_component("data_loader", loader)
    return session


class LazySession:
    """One session that makes clients when they are first used. Threads may share it and them."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._lock = RLock()

    def client(self, make: Callable[[Session], Client]) -> Client:
        """Return what stands for a client until something is asked of it."""
        return cast("Client", _LazyClient(lambda: self._make(make)))

    def _make(self, make: Callable[[Session], Client]) -> Client:
        with self._lock:  # a session is for one thread at a time, the clients that it makes are for all
            self._session = self._session or make_session()
            return make(self._session)


class _LazyClient:
    def __init__(self, make: Callable[[], object]) -> None:
        self._make, self._lock = make, RLock()
        self._made: object = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        if self._made is None:
            with self._lock:
                self._made = self._made or self._make()
        return getattr(self._made, name)
