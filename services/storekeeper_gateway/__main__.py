"""Serves the gateway: `python -m storekeeper_gateway`."""

from storekeeper_kit.server import run

from .app import main

if __name__ == "__main__":
    run(main)
