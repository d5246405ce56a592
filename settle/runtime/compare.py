"""Comparing what somebody tells with what is known, in a time that says nothing about how much of it is right."""

from hmac import compare_digest


def is_same(known: str, told: str) -> bool:
    """Whether two texts are the same: tokens, and digests of what others have sent."""
    return compare_digest(_bytes(known), _bytes(told))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # stored text may hold half of a pair
