"""The one code asset of all functions, bundled with pip for the target platform: no docker, no layer."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = Path("functions/requirements.txt")
PYTHON_VERSION = "3.13"

# What handlers import. Everything else stays at home unless it is named here.
PACKAGES = ("functions", "machines", "settle")
# Parts of these packages that only run on a developer's machine.
LEFT_OUT = frozenset({Path("settle/cli"), Path("settle/local"), Path("settle/testing.py"), REQUIREMENTS})


class BundlingError(RuntimeError):
    """A command of the bundling failed; its output is the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the bundle is to run.

    Attributes:
        python_version: of the Lambda runtime.
        platform: pip's name of the oldest platform that wheels may ask for.
        compiler: a Python of that version on this machine, or None. Bytecode of another version is of no use.
    """

    python_version: str
    platform: str
    compiler: str | None


def lambda_target() -> Target:
    """Return the target of all functions."""
    return Target(python_version=PYTHON_VERSION, platform="manylinux2014_aarch64", compiler=find_python(PYTHON_VERSION))


def find_python(version: str) -> str | None:
    """Return an interpreter of this minor version, or None.

    It is asked, not only looked for: a version manager leaves a command on the path for versions that are not selected.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        return None
    answer = subprocess.run([found, "-c", ""], check=False, capture_output=True)  # noqa: S603 - no input from outside
    return found if answer.returncode == 0 else None


def shipped_files(root: Path) -> list[Path]:
    """Return the sources that ship, sorted, relative to the root.

    Data files beside a machine ship too; hidden files and caches never do.
    """
    return sorted(file for package in PACKAGES for file in _walk(root, Path(package)))


def _walk(root: Path, folder: Path) -> Iterator[Path]:
    for found in (root / folder).iterdir():
        path = folder / found.name
        if path in LEFT_OUT or path.name.startswith(".") or path.name == "__pycache__":
            continue
        if found.is_dir():
            yield from _walk(root, path)
        elif path.suffix != ".pyc":
            yield path


def bundle_hash(root: Path, target: Target) -> str:
    """Return a hash over everything that decides the bundle's bytes, this recipe included.

    CDK bundles only when it changes, so an unchanged tree costs no pip run. Whether bytecode can be compiled is part of
    it, else a bundle without would pass for one with.
    """
    digest = hashlib.sha256()
    parts = [target.python_version, target.platform, "compiled" if target.compiler else "sources"]
    contents = [part.encode() for part in parts]
    contents += [(root / REQUIREMENTS).read_bytes(), Path(__file__).read_bytes()]
    for file in shipped_files(root):
        contents += [file.as_posix().encode(), (root / file).read_bytes()]
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def bundle(root: Path, output: Path, target: Target) -> None:
    """Fill an empty folder with the wheels, the sources and, where possible, their bytecode.

    Raises:
        BundlingError: pip found no wheel for the target, or the compiler failed.
    """
    install_wheels(root / REQUIREMENTS, output, target)
    copy_sources(root, output)
    if target.compiler:
        compile_bytecode(output, target.compiler)


def install_wheels(requirements: Path, output: Path, target: Target) -> None:
    """Unpack the wheels for the target platform; nothing is built, so nothing of this machine gets in."""
    _run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--requirement", str(requirements), "--target", str(output)),
        *("--implementation", "cp", "--python-version", target.python_version, "--platform", target.platform),
        "--only-binary=:all:",
        # pip would compile for the Python it runs on itself.
        "--no-compile",
    )
    # Scripts name this machine's interpreter, and nobody calls them in Lambda.
    shutil.rmtree(output / "bin", ignore_errors=True)


def copy_sources(root: Path, output: Path) -> None:
    """Copy what ships."""
    for file in shipped_files(root):
        destination = output / file
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, destination)


def compile_bytecode(output: Path, compiler: str) -> None:
    """Compile what is in the bundle: the deployed folder is read-only, so each cold start would compile it all again.

    The hash is unchecked because the zip resets the times by which Python would otherwise tell that bytecode is stale.
    Paths are those of the function, in tracebacks and so that two machines compile the same bytes.
    """
    _run(
        *(compiler, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(output), "-p", "/var/task", str(output)),
    )


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - no input from outside
    if done.returncode != 0:
        raise BundlingError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


@jsii.implements(cdk.ILocalBundling)
class LocalBundling:
    """Runs the bundling in this process when CDK asks for the asset."""

    def __init__(self, root: Path, target: Target) -> None:
        self._root = root
        self._target = target

    def try_bundle(self, output_dir: str, *_options: object, **_more: object) -> bool:
        """Bundle, and never answer False: CDK would then start docker.

        The interface declares the options as keywords, and the call brings them as one object.
        """
        bundle(self._root, Path(output_dir), self._target)
        return True


def runtime_code(root: Path) -> lambda_.Code:
    """Return the code of all functions, as one asset."""
    target = lambda_target()
    return lambda_.Code.from_asset(
        str(root),
        asset_hash=bundle_hash(root, target),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        bundling=cdk.BundlingOptions(
            # Asked for by the interface and never run.
            image=cdk.DockerImage.from_registry("none"),
            local=LocalBundling(root, target),
        ),
    )
