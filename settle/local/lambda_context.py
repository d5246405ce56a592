"""The context object that Lambda gives to a handler."""

import time
from typing import Final

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"


class LambdaContext:
    """What a handler may ask about its invocation; the names are those of Lambda's Python runtime.

    Args:
        function_name: name of the function.
        request_id: of this invocation.
        memory_mb: what the function would be given; nothing is limited here.
        timeout: seconds until the invocation is ended.
    """

    function_version: Final = "$LATEST"
    identity: Final = None
    client_context: Final = None

    def __init__(self, *, function_name: str, request_id: str, memory_mb: int, timeout: float) -> None:
        self.function_name = function_name
        self.aws_request_id = request_id
        self.memory_limit_in_mb = str(memory_mb)
        self.invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name}"
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = "local"
        self._deadline = time.monotonic() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left before the invocation is ended; 0 when none are."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))
