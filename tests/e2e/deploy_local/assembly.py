"""Lets a bundle for Lambda's processor run on this machine too.

The assembly is the one that AWS would get, made by the app as it is. Only one file in it is for one processor and one
Python: pydantic's core. ministack runs functions under the interpreter of its own environment, so the core of this
environment, which has the same Python, is put beside the other one. Their names differ, and each Python finds its own.
"""

import importlib.util
import shutil
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

CORE: Final = "pydantic_core"


class BundleError(LookupError):
    """The assembly, or this environment, is not what this module was written for."""


def add_this_platform(assembly: Path) -> None:
    """Put this machine's core into the one bundle of an assembly.

    Raises:
        BundleError: there is not exactly one bundle, or more in it than the core is for one processor.
    """
    bundles = [folder for folder in assembly.glob("asset.*") if folder.is_dir()]
    if len(bundles) != 1:
        raise BundleError(f"one bundle is expected in {assembly}, not {len(bundles)}")
    (bundle,) = bundles
    native = [file.relative_to(bundle) for file in bundle.rglob("*.so")]
    others = [str(file) for file in native if file.parts[0] != CORE]
    if others or not native:
        raise BundleError(f"only {CORE} is expected to be compiled, not {others}")
    shutil.copy(_find_core(), bundle / CORE)


def _find_core() -> Path:
    spec = importlib.util.find_spec(CORE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in Path(folder).iterdir():
            if any(file.name.endswith(suffix) for suffix in EXTENSION_SUFFIXES):
                return file
    raise BundleError(f"this environment has no compiled {CORE}")
