"""Powertools' resolver, as this API needs it."""

import re

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver


class Resolver(APIGatewayHttpResolver):
    """Powertools' resolver, but a line break behind a path makes another path.

    `$` of its expressions passes one over, and a policy about `.../pause` would not.
    """

    @staticmethod
    def _compile_regex(rule: str, base_regex: str = r"^{}\Z") -> re.Pattern[str]:
        compiled: re.Pattern[str] = APIGatewayHttpResolver._compile_regex(rule, base_regex)  # noqa: SLF001 - as theirs do
        return compiled
