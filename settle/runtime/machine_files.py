"""Reading the files of a folder of machines: each exports one Statechart as `MACHINE`."""

import importlib
import importlib.util
import sys
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Final

from settle.authoring.findings import did_you_mean
from settle.authoring.statechart import Statechart
from settle.core.definition import Definition
from settle.core.errors import DefinitionError, Disposition, SettleError
from settle.core.spec import ANY_EVENT, EVENTLESS, WORKER_MARGIN_SECONDS, InvokeSpec
from settle.runtime.errors import InternalEventError, NameInvalidError
from settle.runtime.names import check_event_type, check_machine_name
from settle.runtime.permissions import Rules, RuleSignatureError, read_rules

MACHINES_PACKAGE: Final = "machines"
EXPORT: Final = "MACHINE"


class MachineFileError(SettleError):
    """A file in the folder of machines is wrong. The message names the file, the place in it, and the mend."""

    disposition = Disposition.CALLER
    code = "machine_file"


def find_machine_files(directory: Path | str | None = None) -> list[Path]:
    """Return the machine files of a folder, sorted; those that begin with `_` are helpers.

    Args:
        directory: the folder; the package `machines` when left out.

    Raises:
        MachineFileError: no such folder, or no such file in it.
    """
    folder = Path(directory).resolve() if directory is not None else _default_folder()
    if not folder.is_dir():
        raise MachineFileError(f"{folder} is no folder; name the one that holds the machine files")
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    if not files:
        raise MachineFileError(f"{folder} holds no machine file; add one that ends with {EXPORT} = Statechart(...)")
    return files


def place_of(path: Path) -> str:
    """Return how messages name a machine file: by its folder and name."""
    return f"{path.parent.name}/{path.name}"


def load_machine_file(path: Path) -> Statechart:
    """Import a machine file and return its chart.

    Raises:
        MachineFileError: whatever is wrong with it.
    """
    place = place_of(path)
    try:
        module = importlib.import_module(f"{_package_of(path.parent)}.{path.stem}")
    except DefinitionError as error:
        raise MachineFileError(f"{place}: {error}") from error
    except SyntaxError as error:
        file = Path(error.filename or path)
        message = f"{place_of(file)}:{error.lineno}: this is not Python: {error.msg}; mend that line"
        raise MachineFileError(message) from error
    except ImportError as error:
        message = f"{place}:{_line_in(path, error)}: {error}; correct the import, or install what it names"
        raise MachineFileError(message) from error
    except (Exception, SystemExit) as error:  # a file that ends the program must not pass for one that is right
        where = f"{place}:{_line_in(path, error)}"
        message = f"{where}: importing it raised {type(error).__name__}: {error}; mend that line"
        raise MachineFileError(message) from error
    return _check_names(place, _find_machine(place, module))


def find_rules(path: Path) -> Rules:
    """Return the permission rules of a machine file that was loaded.

    Raises:
        MachineFileError: one of them is no rule.
    """
    try:
        return read_rules(sys.modules[f"{_package_of(path.parent)}.{path.stem}"])
    except RuleSignatureError as error:
        raise MachineFileError(f"{place_of(path)}: {error}") from error


def check_calls(path: Path, definition: Definition, function_timeout: float) -> None:
    """Check that each call of a service in the background can end within one invocation of the worker.

    Raises:
        MachineFileError: a call could never end.
    """
    longest = function_timeout - WORKER_MARGIN_SECONDS
    for invoke in definition.invokes.values():
        if invoke.background:
            _check_call(path, invoke, longest, "one invocation of the worker", "the worker's")


def check_inline_calls(path: Path, definition: Definition, longest: float) -> None:
    """Check that each call of an inline service ends within so many seconds of an invocation of the consumer.

    Raises:
        MachineFileError: a call could never be started.
    """
    for invoke in definition.invokes.values():
        if invoke.inline:
            _check_call(path, invoke, longest, "one invocation", "the function's")


def _check_call(path: Path, invoke: InvokeSpec, longest: float, invocation: str, timeout: str) -> None:
    if invoke.timeout > longest:
        raise MachineFileError(
            f"{place_of(path)}: the invoke {invoke.id!r} may take {invoke.timeout} s, and {invocation}"
            f" has {longest} s for it; lower its `timeout`, or raise {timeout}"
        )


def check_children(path: Path, chart: Statechart, known: Collection[str]) -> None:
    """Check that the machines which a chart invokes are there.

    Args:
        path: file of the chart.
        chart: in all its versions.
        known: the machines that the folder exports.

    Raises:
        MachineFileError: about the first one that is not.
    """
    for definition in chart.versions.values():
        for invoke in definition.invokes.values():
            if invoke.machine and invoke.src not in known:
                hint = did_you_mean(invoke.src, known) or "; add its file, or correct the name"
                message = (
                    f"the invoke {invoke.id!r} begins the machine {invoke.src!r}, which no file here exports{hint}"
                )
                raise MachineFileError(f"{place_of(path)}: {message}")


def _default_folder() -> Path:
    found = importlib.util.find_spec(MACHINES_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MachineFileError(f"there is no folder `{MACHINES_PACKAGE}` here; make one, or name another folder")
    return Path(next(iter(found.submodule_search_locations)))


def _package_of(folder: Path) -> str:
    """Return the package whose modules are the files of a folder; a made one when the folder is on no import path."""
    try:
        found = importlib.util.find_spec(folder.name)
    except (ImportError, ValueError):
        found = None
    locations = found.submodule_search_locations if found is not None else None
    if folder.resolve() in [Path(location).resolve() for location in locations or ()]:
        return folder.name
    name = f"settle_machines_{sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        package = ModuleType(name, "The machine files of a folder that is on no import path.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    importlib.invalidate_caches()
    return name


def _line_in(path: Path, error: BaseException) -> int:
    """Return the line of the file at which an import failed."""
    lines = [line for frame, line in walk_tb(error.__traceback__) if Path(frame.f_code.co_filename) == path]
    return lines[-1] if lines else 1


def _find_machine(place: str, module: ModuleType) -> Statechart:
    machine = getattr(module, EXPORT, None)
    if isinstance(machine, Statechart):
        return machine
    if machine is not None:
        message = (
            f"{EXPORT} is {type(machine).__name__!r} and not a Statechart; export a Statechart(...) under that name"
        )
        raise MachineFileError(f"{place}: {message}")
    charts = [name for name, value in vars(module).items() if isinstance(value, Statechart)]
    mend = f"rename {charts[0]!r} to {EXPORT}" if charts else f"end it with {EXPORT} = Statechart(...)"
    raise MachineFileError(f"{place}: it exports no {EXPORT}; {mend}")


def _check_names(place: str, chart: Statechart) -> Statechart:
    """Check what the authoring front end cannot know: the rules for names in URLs and messages."""
    try:
        check_machine_name(chart.id)
        for definition in chart.versions.values():
            for descriptor in sorted({each.event for each in definition.transitions if each.delay is None}):
                # A machine reacts to done and error events; nothing else of the runtime's own is for it.
                if descriptor not in {EVENTLESS, ANY_EVENT} and not descriptor.startswith(("done.", "error.")):
                    check_event_type(descriptor.removesuffix(".*"))
    except (NameInvalidError, InternalEventError) as error:
        raise MachineFileError(f"{place}: {error}; rename it") from error
    return chart
