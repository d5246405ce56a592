"""Calls the deployed API, signed as its callers sign."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from tests.e2e.deploy_local.emulator import REGION

SERVICE: Final = "execute-api"
TIMEOUT_SECONDS: Final = 40


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call was answered with.

    Attributes:
        status: of HTTP.
        body: the JSON document; an empty one if it is none.
    """

    status: int
    body: Any


class ApiClient:
    """A caller.

    Args:
        url: of the API, as the stack's output says.
        credentials: that sign; None for a stranger.
    """

    def __init__(self, url: str, credentials: Credentials | None = None) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        # The name is for the emulator to find the API by; not every resolver knows names below localhost.
        self._base = f"{parts.scheme}://127.0.0.1:{parts.port}"
        self._credentials = credentials
        self._session = URLLib3Session(timeout=TIMEOUT_SECONDS)

    def get(self, path: str) -> Answer:
        """GET."""
        return self._send("GET", path, None, {})

    def post(self, path: str, document: object, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON document."""
        return self._send("POST", path, json.dumps(document), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        request = AWSRequest(method, f"{self._base}{path}", {"Host": self._host, **headers}, body)
        if self._credentials is not None:
            SigV4Auth(self._credentials, SERVICE, REGION).add_auth(request)
        answer = self._session.send(request.prepare())
        try:
            return Answer(answer.status_code, json.loads(answer.content))
        except ValueError:
            return Answer(answer.status_code, {})
