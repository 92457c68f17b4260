"""Runs a stock ledger with a bug: `python -m tests.torture.buggy NAME`: what `bugs.py` says it is."""

import sys

from storekeeper_kit import server
from storekeeper_stockledger.app import main as serve
from tests.torture.bugs import BUGS


def main(name: str) -> None:
    """Plant it, and serve."""
    (bug,) = (bug for bug in BUGS if bug.what == name)
    bug.plant()
    server.run(serve)


if __name__ == "__main__":
    main(sys.argv[1])
