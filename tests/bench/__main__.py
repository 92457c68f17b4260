"""`make bench`: measures removals per second against fixed baselines, and prints one table of ratios.

make bench ARGS="--only hot --repetitions 15 --seconds 5 --json figures.json"
"""

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

from rich.console import Console

from storekeeper_kit import logs
from tests.bench.figures import MEASUREMENTS, Figures
from tests.bench.stage import postgresql_version, set_up
from tests.bench.table import show


def main() -> None:
    """Set up, measure, check, show."""
    arguments = parse()
    logs.configure(level="warning")
    console = Console()
    wanted = [measurement for measurement in MEASUREMENTS if arguments.only in measurement.name]
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="storekeeper-bench-") as name:
        folder = Path(name)
        with console.status("Stocking 10,001 items ...") as status, set_up(folder) as stage:
            for repetition in range(arguments.repetitions):
                status.update(f"Repetition {repetition + 1} of {arguments.repetitions} ...")
                # Forth and back, so that none always follows the same one.
                for measurement in wanted if repetition % 2 == 0 else reversed(wanted):
                    figures.add(measurement, measurement.take(stage, arguments.seconds))
            status.update("Checking what is recorded ...")
            stage.check()
        machine = (
            f"{os.cpu_count()} cores, {platform.machine()}, PostgreSQL {postgresql_version(folder)},"
            f" Python {platform.python_version()}"
        )
    show(console, figures, machine=machine, repetitions=arguments.repetitions, seconds=arguments.seconds)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "samples": figures.as_json()}, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """The arguments, as the module's docstring shows them."""
    names = ", ".join(measurement.name for measurement in MEASUREMENTS)
    parser = argparse.ArgumentParser(prog="make bench", epilog=f"Measurements: {names}.")
    parser.add_argument("--repetitions", type=int, default=7, help="how often each is measured (7)")
    parser.add_argument("--seconds", type=int, default=2, help="for how long (2)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only measurements with this in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to this file as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
