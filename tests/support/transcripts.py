"""Transcripts: the console blocks of a document, typed into a running system."""

import re
import subprocess

from tests.support.running import Running

PORT = "localhost:8000"
_END = "--8<--"


def transcript(text: str) -> list[tuple[str, str]]:
    """Return the commands of the console blocks of a document, with what each is said to print."""
    lines = "\n".join(re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    parts = re.split(r"^\$ (.*)\n", lines, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def check_transcript(system: Running, text: str) -> None:
    """Type the transcript of a document in one shell, and compare what it prints."""
    expected = transcript(text)
    script = "TOKEN=\n"
    for command, _ in expected:
        script += f"{command.replace(PORT, f'127.0.0.1:{system.port}')}\nprintf '\\n{_END}\\n'\n"
    done = subprocess.run(
        ["bash", "-c", script], cwd=system.data.parent, capture_output=True, text=True, timeout=120, check=True
    )
    for (command, wanted), printed in zip(expected, done.stdout.split(f"\n{_END}\n"), strict=False):
        assert matches(wanted, printed), f"$ {command}\ndocument: {wanted}\nprinted: {printed}"


def matches(expected: str, printed: str) -> bool:
    """Compare as doctest's ELLIPSIS does."""
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None
