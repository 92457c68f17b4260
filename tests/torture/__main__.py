"""`make torture`: does to the stock ledger whatever may break its promises, and prints one table of what came of it.

make torture ARGS="--times 10"              ten times as long as by default
make torture ARGS="--seed 7 --only R4"      one figure, as a run before took it
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_kit import logs
from tests.harness.databases import LedgerDatabases
from tests.torture.figure import Result, take
from tests.torture.figures import FIGURES
from tests.torture.stage import Stage
from tests.torture.table import show


def main() -> None:
    """Take the figures that are wanted, show them, and say by the exit code whether all promises held."""
    arguments = parse()
    logs.configure(level="warning")
    console = Console()
    console.print(f"Seed {arguments.seed}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="storekeeper-torture-") as name:
        results = _take(console, Path(name), arguments)
    show(console, results, seed=arguments.seed, seconds=time.monotonic() - begun)
    sys.exit(any(result.violations for result in results))


def parse() -> argparse.Namespace:
    """The arguments, as the module's docstring shows them."""
    names = [figure.name for figure in FIGURES]
    parser = argparse.ArgumentParser(prog="make torture", epilog=f"Figures: {', '.join(names)}.")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="what everything is drawn from (any)")
    parser.add_argument("--times", type=float, default=1, help="how long, in relation to the default (1)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="only these figures")
    return parser.parse_args()


def _take(console: Console, folder: Path, arguments: argparse.Namespace) -> list[Result]:
    results = []
    with EmbeddedPostgres(folder / "postgres") as postgres, console.status("PostgreSQL starts ...") as status:
        databases = LedgerDatabases(postgres)
        for figure in (one for one in FIGURES if one.name in arguments.only):
            status.update(f"{figure.name}: {figure.promise} ...")
            stage = Stage(postgres, databases, folder, arguments.seed)
            results.append(take(figure, stage, arguments.times))
            verdict = "violated" if results[-1].violations else "held"
            console.print(f"{figure.name} {verdict}", highlight=False)
    return results


if __name__ == "__main__":
    main()
