"""What a stage can be set to, besides what the stages of the table are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from infra.callers import Cors, Jwt
from infra.stage import STAGES, Stage

_TOKENS: Final = Jwt(
    issuer="https://login.example.com",
    audience=["settle"],
    read_scopes=["read"],
    send_scopes=["send"],
    operate_scopes=["operate"],
)
_BROWSERS: Final = Cors(origins=["https://app.example.com"])

VARIANTS: Final[Mapping[str, Stage]] = {
    "a place": replace(STAGES["staging"], account="123456789012", region="eu-west-1"),
    "a customer key": replace(STAGES["prod"], customer_key=True, account="123456789012", region="eu-west-1"),
    "tokens and browsers": replace(STAGES["dev"], callers=_TOKENS, cors=_BROWSERS),
    "an address": replace(STAGES["dev"], alarm_address="ops@example.com"),
    "redrivers": replace(STAGES["dev"], redrivers=("AROAQ3EGRJ4YEXAMPLE12",)),
    "no alarms": replace(STAGES["dev"], alarms=False),
}
