"""AWS as an operator's machine has it: whatever profile, role or sign-in its own configuration names."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from settle.adapters.operator_errors import NoCredentialsError
from settle.adapters.sqs_queue import make_sqs_client

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SERVICE: Final = "execute-api"
"""Name of API Gateway's invocations in signatures;
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html"""


def make_operator_session() -> Session:
    """Return a session that knows all services: a profile may need one of them to assume a role."""
    return Session()


def make_operator_sqs_client(long_poll_seconds: int) -> "SQSClient":
    """Return a client of SQS. Raises `NoCredentialsError` when nothing says in which region."""
    try:
        return make_sqs_client(session=make_operator_session(), long_poll_seconds=long_poll_seconds)
    except BotoCoreError as error:
        raise NoCredentialsError(str(error)) from error


class RequestSigner:
    """Signs requests to an HTTP API whose callers IAM knows.

    Args:
        session: whose credentials are used; they are fetched anew before they end.
        region: of the API.
    """

    def __init__(self, session: Session, region: str) -> None:
        self._session, self._region = session, region

    def sign(self, method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """Return the headers with those that prove who calls.

        Raises:
            NoCredentialsError: nobody could be named.
        """
        try:
            credentials = self._session.get_credentials()
            if credentials is None:
                raise NoCredentialsError("no AWS credentials; set AWS_PROFILE, or sign in")
            request = AWSRequest(method=method, url=url, data=body, headers=headers)
            SigV4Auth(credentials.get_frozen_credentials(), SERVICE, self._region).add_auth(request)
        except BotoCoreError as error:
            raise NoCredentialsError(str(error)) from error
        return dict(request.headers.items())


def find_region(url: str) -> str:
    """Return the region that an API's own address names, `<id>.execute-api.<region>.amazonaws.com`; empty if none."""
    _, separator, rest = (urlsplit(url).hostname or "").partition(f".{SERVICE}.")
    region, _, domain = rest.partition(".")
    return region if separator and domain.startswith("amazonaws.com") else ""
