"""The command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from settle.cli.check import check
from settle.cli.compile import compile_charts
from settle.cli.describe import describe
from settle.cli.diagram import diagram
from settle.cli.operators import COMMANDS, add_operator_commands, run_operator_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _make_parser().parse_args(arguments)
    if options.command in COMMANDS:
        return run_operator_command(options)
    match options.command:
        case "check":
            return check(options.machines, strict=options.strict)
        case "compile":
            return compile_charts(options.output, options.machines)
        case "describe":
            return describe(options.machine, options.machines)
        case _:
            return diagram(options.machine, options.machines, options.active)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="settle", description="Durable statecharts on AWS serverless.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    checking = commands.add_parser("check", help="read every machine file and say what is wrong with it")
    checking.add_argument("--strict", action="store_true", help="fail on warnings too")
    compiling = commands.add_parser("compile", help="write what every machine is built to, for the bundle of functions")
    compiling.add_argument("output", type=Path, metavar="OUTPUT", help="folder to write to")
    describing = commands.add_parser("describe", help="say in sentences what a machine does")
    drawing = commands.add_parser("diagram", help="draw a machine, as Mermaid text")
    for command in (describing, drawing):
        command.add_argument("machine", help="id of the machine")
    drawing.add_argument("active", nargs="*", metavar="STATE", help="paths of active states, to be marked")
    for command in (checking, compiling, describing, drawing):
        command.add_argument(
            "--machines", type=Path, metavar="DIR", help="folder of the machine files (default: machines)"
        )
    add_operator_commands(commands)
    return parser
