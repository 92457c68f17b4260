"""Serves the stock ledger: `python -m storekeeper_stockledger`."""

from storekeeper_kit.server import run

from .app import main

if __name__ == "__main__":
    run(main)
