"""Who may call the HTTP API, and how they prove it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from infra.stage_error import StageInvalidError

# What clients send beyond the headers that browsers allow anyway, and what answers carry that a script may want.
REQUEST_HEADERS = ("authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "prefer")
RESPONSE_HEADERS = ("etag", "idempotent-replayed", "location", "preference-applied", "retry-after")


@dataclass(frozen=True, slots=True)
class Iam:
    """Callers sign with IAM (SigV4), and their own policies say which routes they may call. There is nothing to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwt:
    """Callers bring a token of an OpenID Connect issuer, which API Gateway checks.

    Each kind of route asks for a scope; a token needs one of those listed. Without a list every valid token would do,
    so none may be empty.

    Attributes:
        issuer: as it stands in the token's `iss`; API Gateway fetches its keys below this URL.
        audience: of which one has to stand in the token's `aud`, or `client_id`.
        read_scopes: for every GET.
        send_scopes: for sending events and creating instances.
        operate_scopes: for pausing, resuming, retrying, skipping and deleting, and for whatever is added later.
    """

    issuer: str
    audience: Sequence[str]
    read_scopes: Sequence[str]
    send_scopes: Sequence[str]
    operate_scopes: Sequence[str]

    def __post_init__(self) -> None:
        """Refuse what would let everybody in, or nobody.

        Raises:
            StageInvalidError: the issuer is no https URL, or a list is empty.
        """
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" or not parts.hostname:
            raise StageInvalidError(f"issuer {self.issuer!r} is not an https URL")
        for name in ("audience", "read_scopes", "send_scopes", "operate_scopes"):
            values: Sequence[str] = getattr(self, name)
            if isinstance(values, str) or not values or not all(values):
                raise StageInvalidError(f"{name} has to be a list of at least one name, none of them empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Which web pages may call the API from a browser.

    Cookies are never sent: a token goes in the `Authorization` header, where no other page can make the browser add it.

    Attributes:
        origins: of the pages, like `https://app.example.com`; `*` for any.
        max_age_seconds: how long a browser may remember the answer. Two hours is the most that Chromium takes.
    """

    origins: Sequence[str]
    max_age_seconds: int = 7200

    def __post_init__(self) -> None:
        """Refuse origins that no browser would ever send.

        Raises:
            StageInvalidError: one of them is no origin, or there is none.
        """
        if isinstance(self.origins, str) or not self.origins:
            raise StageInvalidError("origins has to be a list of at least one origin")
        for origin in self.origins:
            if origin != "*" and not _is_origin(origin):
                raise StageInvalidError(f"{origin!r} is not an origin: write https://host, without a path")


def _is_origin(text: str) -> bool:
    """Return whether this is scheme and host alone, and nobody can read along: https, or the developer's machine."""
    parts = urlsplit(text)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "localhost")
    return safe and bool(parts.hostname) and text == f"{parts.scheme}://{parts.netloc}"
