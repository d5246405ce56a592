"""The command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from settle.cli.check import check


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(prog="settle", description="Durable statecharts on AWS serverless.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    checking = commands.add_parser("check", help="read every machine file and say what is wrong with it")
    checking.add_argument(
        "--machines", type=Path, metavar="DIR", help="folder of the machine files (default: machines)"
    )
    options = parser.parse_args(arguments)
    return check(options.machines)
