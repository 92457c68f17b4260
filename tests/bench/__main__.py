"""`make bench`: measures the ledger against fixed baselines, and prints its ratios and which gates they reach.

make bench ARGS="--only hot --repetitions 15 --seconds 5 --json figures.json"
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from operator import attrgetter
from pathlib import Path
from typing import Final

from rich.console import Console

from storekeeper_kit import logs
from tests.bench import memory
from tests.bench.figures import MEASUREMENTS, Figures
from tests.bench.gates import gates
from tests.bench.stage import Stage
from tests.bench.table import show, show_gates

MISSED: Final = 1


def main() -> int:
    """Set up, measure, check, show; returns the exit code."""
    arguments = parse()
    logs.configure(level="warning")
    console = Console()
    # What is compared has about as many calls in flight, and so is measured moments apart.
    wanted = sorted((one for one in MEASUREMENTS if is_wanted(one.name, arguments.only)), key=attrgetter("at_once"))
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="storekeeper-bench-") as name, ExitStack() as opened:
        stage = Stage(Path(name), opened)
        with console.status("Setting up ...") as status:
            for measurement in wanted:
                status.update(f"Setting up for {measurement.name} ...")
                measurement.prepare(stage)
            for repetition in range(arguments.repetitions):
                status.update(f"Repetition {repetition + 1} of {arguments.repetitions} ...")
                # Forth and back, so that none always follows the same one.
                for measurement in wanted if repetition % 2 == 0 else reversed(wanted):
                    figures.add(measurement, measurement.take(stage, arguments.seconds))
            status.update("Checking what is recorded ...")
            stage.check()
            if is_wanted(memory.NAME, arguments.only):
                status.update("A million operations ...")
                figures.memory_growth = memory.growth(stage)
        machine = (
            f"{os.cpu_count()} cores, {platform.machine()}, PostgreSQL {stage.postgresql_version()},"
            f" Python {platform.python_version()}"
        )
    show(console, figures, machine=machine, repetitions=arguments.repetitions, seconds=arguments.seconds)
    reached = gates(figures)
    show_gates(console, reached)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "samples": figures.as_json()}, indent=1) + "\n")
    return MISSED if arguments.gates and any(gate.is_missed for gate in reached) else 0


def is_wanted(name: str, only: Iterable[str]) -> bool:
    """Whether a measurement of this name was asked for."""
    return any(text in name for text in only)


def parse() -> argparse.Namespace:
    """The arguments, as the module's docstring shows them."""
    names = ", ".join([*(measurement.name for measurement in MEASUREMENTS), memory.NAME])
    parser = argparse.ArgumentParser(prog="make bench", epilog=f"Measurements: {names}.")
    parser.add_argument("--repetitions", type=int, default=7, help="how often each is measured (7)")
    parser.add_argument("--seconds", type=int, default=2, help="for how long (2)")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="TEXT", help="only measurements with one of these in their name"
    )
    parser.add_argument("--gates", action="store_true", help="exit code 1 when a gate is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to this file as well")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
