"""What the errors of all AWS services have in common."""

from botocore.exceptions import ClientError


def error_code(error: ClientError) -> str:
    """Return the error code of a response."""
    code: str = error.response.get("Error", {}).get("Code", "")
    return code
