"""The audit against an index and databases that say what a test wants them to, over real HTTP on loopback."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.package_index import Pin, judge, read_pins

ROOT = Path(__file__).parents[2]
HASH = "a" * 64
OTHER = "b" * 64
LISTS = ("requirements.txt", "settle/local/requirements.txt", "benchmarks/requirements.txt")
NPM_VERSION = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/aws-cdk"]["version"]
FLAW = {
    "id": "PYSEC-2026-1",
    "summary": "it is unsafe",
    "affected": [
        {
            "package": {"name": "pydantic", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.9.9"}]}],
        }
    ],
}
NPM_FLAW = {
    "id": 1,
    "url": "https://github.com/advisories/GHSA-x",
    "title": "it is unsafe",
    "severity": "high",
    "vulnerable_versions": "<9999",
    "cwe": [],
    "cvss": {"score": 8, "vectorString": None},
}


class Services:
    """A package index, OSV and npm's registry in one.

    Attributes:
        project: what the index says about every project, beside its files.
        yanked: of each file.
        flaws: what OSV says about each package, by name.
        npm: what npm's registry says about each package, by name.
        closed: what answers 405, as a mirror does that has only files: `osv`, `npm`, `index`.
    """

    def __init__(self) -> None:
        self.project: dict[str, Any] = {}
        self.yanked: bool | str = False
        self.hash = HASH
        self.versions: tuple[str, ...] = ("1.0", "2.0")
        self.flaws: dict[str, Any] = {}
        self.npm: dict[str, Any] = {}
        self.closed: set[str] = set()
        self.url = ""

    def answer(self, path: str, asked: bytes) -> tuple[int, Any]:
        kind = {"simple": "index", "v1": "osv"}.get(path.split("/")[1], "npm")
        if kind in self.closed:
            return 405, {}
        if kind == "osv":
            name = json.loads(asked)["package"]["name"]
            return 200, {"vulns": [self.flaws[name]]} if name in self.flaws else {}
        if kind == "npm":
            packument = {"name": "aws-cdk", "versions": {NPM_VERSION: {"name": "aws-cdk", "version": NPM_VERSION}}}
            return 200, packument if path == "/aws-cdk" else self.npm
        name = path.strip("/").split("/")[1].replace("-", "_")
        files = [
            {"filename": f"{name}-{version}-py3-none-any.whl", "hashes": {"sha256": self.hash}, "yanked": self.yanked}
            for version in self.versions
        ]
        return 200, {"files": files, **self.project}


@pytest.fixture
def services() -> Iterator[Services]:
    services = Services()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("content-length", "0"))))

        def _answer(self, asked: bytes) -> None:
            status, found = services.answer(self.path, asked)
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name is theirs

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        services.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield services
        server.shutdown()
        thread.join()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one package that ships, one of npm, and lists that pin."""
    for each in (*LISTS, "functions/requirements.txt", "tests/e2e/deploy_local/requirements.txt"):
        path = tmp_path / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# a list\npydantic==1.0\n")
    (tmp_path / "functions" / "requirements.lock").write_text(
        f"pydantic==1.0 \\\n    --hash=sha256:{HASH}\n    # via x\n"
    )
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def audit(project: Path, services: Services, *more: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "infra.audit", "--root", str(project), "--index-url", f"{services.url}/simple"),
            *("--osv-url", f"{services.url}/v1/query", "--npm-registry", services.url),
            *(more or ["--shipped-only"]),
        ],
        cwd=ROOT,
        env={**os.environ, "AUDIT": "", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.mark.functional
def test_nothing_is_found_where_there_is_nothing(project: Path, services: Services) -> None:
    assert audit(project, services, AUDIT="required") == (0, "audit: 0 found, 0 not answered\n")


@pytest.mark.functional
def test_a_flaw_of_what_ships_fails_and_says_what_mends_it(project: Path, services: Services) -> None:
    services.flaws["pydantic"] = FLAW
    code, text = audit(project, services)
    assert code == 1
    assert "FOUND: pydantic 1.0 (functions/requirements.lock): PYSEC-2026-1, mended by 9.9.9" in text


@pytest.mark.functional
def test_a_flaw_of_what_is_installed_here_fails(project: Path, services: Services) -> None:
    flaw = json.loads(json.dumps(FLAW).replace("pydantic", "pytest"))
    services.flaws["pytest"] = flaw
    code, text = audit(project, services, "--root", str(project))
    assert code == 1
    assert "FOUND: pytest" in text
    assert "(what is installed here): PYSEC-2026-1" in text


@pytest.mark.functional
def test_a_flaw_of_what_comes_from_npm_fails(project: Path, services: Services) -> None:
    services.npm["aws-cdk"] = [NPM_FLAW]
    code, text = audit(project, services)
    assert code == 1
    assert "FOUND: aws-cdk * (package-lock.json): high, https://github.com/advisories/GHSA-x" in text


@pytest.mark.functional
@pytest.mark.parametrize(("required", "code"), [("", 0), ("required", 1)])
def test_a_database_that_does_not_answer_is_told_and_fails_where_it_has_to(
    project: Path, services: Services, required: str, code: int
) -> None:
    services.closed = {"osv", "npm", "index"}
    found, text = audit(project, services, AUDIT=required)
    assert found == code
    assert text.count("NOT ANSWERED") == 3
    assert "no answer about functions/requirements.lock" in text
    assert "no answer about package-lock.json" in text


@pytest.mark.functional
def test_what_the_lists_themselves_say_needs_nobody(project: Path, services: Services) -> None:
    services.closed = {"osv", "npm", "index"}
    (project / "requirements.txt").write_text("-r other.txt\npydantic>=1\n")
    (project / "functions" / "requirements.lock").write_text("pydantic==1.0\n")
    lock = json.loads((project / "package-lock.json").read_text())
    del lock["packages"]["node_modules/aws-cdk"]["integrity"]
    (project / "package-lock.json").write_text(json.dumps(lock))
    code, text = audit(project, services)
    assert code == 1
    assert "FOUND: requirements.txt: 'pydantic>=1' pins no version" in text
    assert "FOUND: functions/requirements.lock: pydantic has no hash" in text
    assert "FOUND: package-lock.json: node_modules/aws-cdk has no hash" in text


@pytest.mark.functional
def test_a_withdrawn_release_fails(project: Path, services: Services) -> None:
    services.yanked = "it deletes files"
    code, text = audit(project, services)
    assert code == 1
    assert "FOUND: pydantic 1.0 was withdrawn: it deletes files" in text


PIN = Pin(name="some-package", version="1.0", hashes=frozenset({HASH}), place="list")


def said(**changes: Any) -> list[tuple[bool, str]]:
    services = Services()
    for name, value in changes.items():
        setattr(services, name, value)
    return list(judge(PIN, services.answer("/simple/some-package/", b"")[1]))


def test_what_the_index_says_of_a_release() -> None:
    assert said() == []
    assert said(yanked=True)[0] == (True, "some-package 1.0 was withdrawn; choose another version")
    assert said(hash=OTHER) == [(True, "some-package 1.0: none of the files that list names is served any more")]
    assert said(versions=("2.0",)) == [(True, "some-package 1.0 is not there any more; choose another version")]


@pytest.mark.parametrize(("status", "fails"), [("quarantined", True), ("archived", False), ("deprecated", False)])
def test_what_the_index_says_of_a_project(status: str, fails: bool) -> None:
    ((failed, text),) = said(project={"project-status": {"status": status}})
    assert (failed, status in text) == (fails, True)


def test_a_list_is_read_as_pip_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    lines = (
        "# a comment",
        "Some_Package[all]==1.0 ; python_version < '3.12'  # why",
        f"other==2 \\\n  --hash=sha256:{HASH} \\\n  --hash=sha256:{OTHER}",
        "-r more.txt",
        "loose",
        "git+https://example.org/x",
    )
    path.write_text("\n".join(lines))
    pins, unpinned = read_pins(path)
    assert [(pin.name, pin.version, len(pin.hashes)) for pin in pins] == [("some-package", "1.0", 0), ("other", "2", 2)]
    assert unpinned == ["loose", "git+https://example.org/x"]
