"""What the API writes down about each request: enough to find it again, and nothing that opens a door.

A line names the route, not the path: in the path of a callback stands its token. `id` is the correlation id of requests
that bring none of their own, so it leads on to the lines of the functions. When it was is what CloudWatch knows anyway.
Each byte is paid for with every event, so there are no more fields than an operator asks about.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
"""

import json

FIELDS = {
    "id": "$context.requestId",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "status": "$context.status",
    "ms": "$context.responseLatency",
    "error": "$context.error.message",
    "function_error": "$context.integrationErrorMessage",
    "ip": "$context.identity.sourceIp",
}
# The principal of a caller that signs with IAM, and of one that brings a token.
SIGNED_BY = "$context.identity.userArn"
TOKEN_OF = "$context.authorizer.claims.sub"  # noqa: S105 - the name of a variable

_SAMPLE = {
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.httpMethod": "POST",
    "$context.routeKey": "ANY /{proxy+}",
    "$context.status": "202",
    "$context.responseLatency": "24",
    "$context.error.message": "-",
    "$context.integrationErrorMessage": "-",
    "$context.identity.sourceIp": "203.0.113.17",
    SIGNED_BY: "arn:aws:sts::123456789012:assumed-role/shop-orders/shop-orders",
}


def make_format(principal: str) -> str:
    """Return the format of a line; `principal` is the variable that names the caller."""
    return json.dumps({**FIELDS, "principal": principal}, separators=(",", ":"))


def sample_line() -> str:
    """Return a line as API Gateway would write it about an event that a role of another function sent."""
    line = make_format(SIGNED_BY)
    for variable in sorted(_SAMPLE, key=len, reverse=True):
        line = line.replace(variable, _SAMPLE[variable])
    return line
