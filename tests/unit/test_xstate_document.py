"""The examples of docs/xstate.md are true."""

import re
from pathlib import Path

DOCUMENT = (Path(__file__).parents[2] / "docs" / "xstate.md").read_text()
SEMANTICS = (Path(__file__).parents[2] / "docs" / "semantics.md").read_text()


def test_the_examples_are_true() -> None:
    """The blocks build on each other."""
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL))
    assert code.count("assert ") > 5
    exec(compile(code, "docs/xstate.md", "exec"), {})  # noqa: S102 - the document is ours


def test_its_links_lead_somewhere() -> None:
    titles = re.findall(r"^## (.+)$", SEMANTICS, re.MULTILINE)
    places = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    assert set(re.findall(r"semantics\.md#([\w-]+)", DOCUMENT)) <= places
