import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.infra.synthesized import ROOT, Synthesized

CONFIG = ROOT / ".cfnlintrc.yaml"
EXCEPTION = re.compile(r"^ *- ([EIW]\d{4})$", re.MULTILINE)


def lint(*stacks: Synthesized, config: Path = CONFIG) -> set[str]:
    """Return the rules that found something in the templates, as they stand in their assemblies."""
    templates = [str(template) for stack in stacks for template in stack.output.glob("*.template.json")]
    assert len(templates) == len(stacks)
    program = str(Path(sys.executable).with_name("cfn-lint"))
    command = [program, "--config-file", str(config), "--format", "json", "--", *templates]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.stderr == ""
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert bool(found) == bool(done.returncode)
    return {finding["Rule"]["Id"] for finding in found}


@pytest.mark.slow
def test_nothing_is_found_that_is_not_explained(
    dev: Synthesized, staging: Synthesized, prod: Synthesized, variants: dict[str, Synthesized]
) -> None:
    assert lint(dev, staging, prod, *variants.values()) == set()


@pytest.mark.slow
def test_every_exception_is_needed(dev: Synthesized, tmp_path: Path) -> None:
    strict, exceptions = CONFIG.read_text().split("ignore_checks:\n")
    config = tmp_path / "strict.yaml"
    config.write_text(strict)
    assert lint(dev, config=config) == set(EXCEPTION.findall(exceptions))


@pytest.mark.slow
def test_errors_and_advice_are_findings(dev: Synthesized, tmp_path: Path) -> None:
    template = json.loads(json.dumps(dev.template))
    (queue,) = (q for q in template["Resources"].values() if q["Properties"].get("QueueName") == "settle-dev-tasks")
    # Shorter than the function that it feeds may take.
    queue["Properties"]["VisibilityTimeout"] = 1
    del queue["DeletionPolicy"]
    (tmp_path / "settle-dev.template.json").write_text(json.dumps(template))
    assert lint(replace(dev, output=tmp_path)) == {"E3505", "I3011"}
