"""The one code asset of all functions, bundled with pip for the target platform: no docker, no layer."""

import hashlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra.bundle_size import LARGEST_BYTES, measure
from infra.bundling_error import BundlingError
from infra.commands import run
from infra.target import PYTHON_VERSION, Target, lambda_target
from infra.wheels import LOCK, REQUIREMENTS, install_wheels

__all__ = [
    "PYTHON_VERSION",
    "ROOT",
    "BundlingError",
    "Target",
    "bundle",
    "bundle_hash",
    "lambda_target",
    "runtime_code",
]

ROOT = Path(__file__).resolve().parent.parent

# What handlers import. Everything else stays at home unless it is named here.
PACKAGES = ("functions", "machines", "settle")
# Parts of these packages that only run on a developer's machine.
LEFT_OUT = frozenset({Path("settle/cli"), Path("settle/local"), Path("settle/testing"), REQUIREMENTS, LOCK})
# Where functions look for charts that need not be built any more (settle/authoring/compiled.py).
CHARTS = Path("settle/compiled")
# What makes the bundle from these files: a change to it may change every byte.
RECIPE = ("infra/bundling.py", "infra/commands.py", "infra/wheels.py", "settle/cli/compile.py")


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
    contents += [(root / path).read_bytes() for path in (REQUIREMENTS, LOCK, *RECIPE)]
    for file in shipped_files(root):
        contents += [file.as_posix().encode(), (root / file).read_bytes()]
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def bundle(root: Path, output: Path, target: Target) -> list[str]:
    """Fill an empty folder with the wheels, the sources, the built charts and, where possible, their bytecode.

    Returns:
        What an operator should know about it, one sentence each.

    Raises:
        BundlingError: a wheel is missing, a machine file is wrong, the compiler failed, or Lambda would not take it.
    """
    install_wheels(root, output, target)
    copy_sources(root, output)
    notes = compile_charts(root, output)
    if target.compiler:
        compile_bytecode(output, target.compiler)
    else:
        notes.append(
            f"no bytecode in it: there is no Python {target.python_version} on this machine, so every cold start"
            " compiles what it imports, which takes longer than all the rest; install one and deploy again"
        )
    size = measure(output)
    if size.unpacked > LARGEST_BYTES:
        raise BundlingError(f"Lambda takes at most {LARGEST_BYTES} bytes, and this is {size}")
    return [str(size), *notes]


def copy_sources(root: Path, output: Path) -> None:
    """Copy what ships."""
    for file in shipped_files(root):
        destination = output / file
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, destination)


def compile_charts(root: Path, output: Path) -> list[str]:
    """Build every chart of the machine files, so that no function has to; return what is said of those that have to be.

    In a process of its own: infra knows nothing of the package that it deploys.
    """
    told = run(sys.executable, "-B", "-m", "settle", "compile", str((output / CHARTS).resolve()), folder=root)
    return [line for line in told.splitlines() if not line.startswith("ok")]


def compile_bytecode(output: Path, compiler: str) -> None:
    """Compile what is in the bundle: the deployed folder is read-only, so each cold start would compile it all again.

    The hash is unchecked because the zip resets the times by which Python would otherwise tell that bytecode is stale.
    Paths are those of the function, in tracebacks and so that two machines compile the same bytes.
    """
    run(
        *(compiler, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(output), "-p", "/var/task", str(output)),
    )


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
        for note in bundle(self._root, Path(output_dir), self._target):
            sys.stderr.write(f"bundle: {note}\n")
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
