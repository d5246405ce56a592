"""Development identities: who a request on this machine claims to come from, as an authorizer would have found out.

    X-Dev-Principal: ana
    X-Dev-Claims: {"role": "manager"}

Anybody can write such headers, so they are heeded only where the local system was told to. On AWS nothing reads them.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json

PRINCIPAL_HEADER: Final = "x-dev-principal"
CLAIMS_HEADER: Final = "x-dev-claims"


class IdentityError(ValueError):
    """The headers make no identity. The message says what does."""


def read_identity(headers: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what the HTTP API's JWT authorizer would put into the event; None when no header names anybody.

    Claims arrive as text, as they do behind API Gateway: `true`, `42`, `[red green]`.

    Raises:
        IdentityError: claims without a principal, or claims that are no JSON object.
    """
    name, claims = headers.get(PRINCIPAL_HEADER, ""), headers.get(CLAIMS_HEADER, "")
    if not name:
        if claims:
            raise IdentityError(f"{CLAIMS_HEADER} goes with {PRINCIPAL_HEADER}, which names whose claims they are")
        return None
    try:
        # Which refuses what is nested so deeply that nothing could go through it.
        given = from_json(claims or "{}", allow_inf_nan=False)
    except ValueError as error:
        raise IdentityError(f'{CLAIMS_HEADER} is a JSON object, as in {{"role": "manager"}}: {error}') from error
    if not isinstance(given, dict):
        raise IdentityError(f'{CLAIMS_HEADER} is a JSON object, as in {{"role": "manager"}}')
    return {"jwt": {"claims": {"sub": name, **{key: _as_text(value) for key, value in given.items()}}, "scopes": None}}


def _as_text(value: object) -> str:
    match value:
        case str():
            return value
        case list():
            return f"[{' '.join(map(_as_text, value))}]"
        case _:
            return json.dumps(value)
