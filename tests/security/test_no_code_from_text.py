"""Nothing that comes in as text is ever run: no call that could do so stands in what ships, but for those told here."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("settle", "functions", "machines")
FORBIDDEN = frozenset(
    {
        *("eval", "exec", "compile", "__import__", "input", "breakpoint", "globals", "locals"),
        *("os.system", "os.popen", "subprocess.call", "subprocess.Popen", "code.interact", "string.Template"),
    }
)
"""Calls that run text, or reach whatever a name says."""
FORBIDDEN_MODULES = frozenset({"pickle", "cPickle", "dill", "marshal", "shelve", "yaml", "jinja2", "code", "codeop"})
"""Modules whose loaders run what they load, or that render templates."""
IMPORTS_BY_NAME = {
    "settle/__init__.py": "the names of the public API, from a table of its own",
    "settle/runtime/machine_files.py": "machine files, which are code by design",
    "settle/authoring/imported/callbacks.py": "callbacks that the author's own machine object of `transitions` names",
    "settle/local/runtime.py": "handlers, whose names the local system's own settings say",
    "settle/local/zygote.py": "modules to have ready, from a list of the local system's own",
}
"""Where modules are imported by a name that is no literal, and whose name that is."""
NAMES_OF_OTHERS = {
    "settle/authoring/binding.py": "names of a chart, which `_offers` has let through",
    "settle/authoring/imported/callbacks.py": "the same, and names in the author's own machine object",
    "settle/authoring/imported/members.py": "names in the author's own machine object",
    "settle/core/event.py": "`event['name']` in the author's own code, on a model of theirs",
    "settle/__init__.py": "the names of the public API",
    "settle/runtime/permissions.py": "the two names that are kept for rules",
    "settle/adapters/aws_session.py": "methods of a client, as our own adapters call them",
    "settle/local/runtime.py": "the handler, which the local system's own settings name",
    "settle/local/moto_guard.py": "the emulator's own methods",
    "settle/local/moto_sqs.py": "the emulator's own attributes, from a list",
    "settle/core/stored_definition.py": "fields of our own classes, from lists",
    "settle/authoring/transitions_front_end.py": "words of our own vocabulary",
    "settle/core/validation/services.py": "fields of our own classes, from a table",
    "settle/authoring/imported/subset.py": "two words of `transitions`",
    "settle/core/plan.py": "three fields of our own class",
    "settle/runtime/machine_files.py": "the name under which a machine file exports its machine",
    "functions/ingress/documents.py": "fields of our own views, from a list",
}
"""Where `getattr` takes a name that is no literal, and why no document can choose it freely."""


ALLOWED = {
    ("settle/__init__.py", "globals"): "the names of the public API, kept once they were imported",
    (
        "settle/local/zygote_process.py",
        "subprocess.Popen",
    ): "processes of the local system: our own interpreter and module",
    ("settle/local/moto_backend.py", "subprocess.Popen"): "the same",
}
"""What stands there all the same, and why no text from outside gets near it."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith("settle/testing/"):
                continue  # runs in its user's own tests, on what they wrote; it does not ship
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_runs_text() -> None:
    found = {(name, called) for name, tree in sources() for called, _ in calls(tree) if called in FORBIDDEN}
    assert found == set(ALLOWED)


def test_nothing_that_ships_imports_a_module_which_runs_what_it_loads() -> None:
    found = []
    for name, tree in sources():
        for node in ast.walk(tree):
            modules = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            found += [(name, each) for each in modules if each.partition(".")[0] in FORBIDDEN_MODULES]
    assert found == []


def test_modules_are_imported_by_name_only_where_the_name_is_ours() -> None:
    found = set()
    for name, tree in sources():
        for called, call in calls(tree):
            by_name = called.rpartition(".")[2] in {"import_module", "spec_from_file_location", "exec_module"}
            if by_name and not isinstance(call.args[0], ast.Constant):
                found.add(name)
    assert found == set(IMPORTS_BY_NAME)


def test_attributes_are_looked_up_by_name_only_where_no_document_chooses_it() -> None:
    found = set()
    for name, tree in sources():
        for called, call in calls(tree):
            if called in {"getattr", "setattr", "delattr", "attrgetter"}:
                names = call.args[:1] if called == "attrgetter" else call.args[1:2]
                found |= {name for each in names if not isinstance(each, ast.Constant)}
    assert found == set(NAMES_OF_OTHERS)


def test_texts_are_formatted_from_templates_of_ours_alone() -> None:
    """`str.format` on somebody's text would read attributes of whatever it is given."""
    tables = {"settle/drawing/mermaid_labels.py", "settle/drawing/describe_transitions.py"}  # `_TRIGGERS`, a constant
    found = set()
    for name, tree in sources():
        for called, call in calls(tree):
            is_format = isinstance(call.func, ast.Attribute) and call.func.attr in {"format", "format_map"}
            if is_format and not isinstance(call.func.value, ast.Constant):  # type: ignore[attr-defined]
                found.add(name)
                assert "_TRIGGERS[" in called, (name, called)
    assert found == tables


def test_secrets_are_compared_in_a_time_that_says_nothing() -> None:
    """`==` tells by its time how much of a token is right; the helper and `hmac` do not."""
    secret = ("token", "secret", "body_hash", "digest")
    harmless = {
        "settle/runtime/verdict.py",  # whether an event is one for the ledger: compared with a mark of ours
    }
    found = set()
    for name, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
                sides = [each for each in (node.left, *node.comparators) if isinstance(each, (ast.Attribute, ast.Name))]
                names = {each.attr if isinstance(each, ast.Attribute) else each.id for each in sides}
                found |= {name for each in names if each in secret}
    assert found == harmless
