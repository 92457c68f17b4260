"""Serves the catalog: `python -m storekeeper_catalog`."""

from storekeeper_kit.server import run

from .app import main

if __name__ == "__main__":
    run(main)
