"""A server as a process of its own: `python -m tests.kit.program`, configured by STOREKEEPER_STOCKLEDGER_* variables."""

import asyncio
from collections.abc import AsyncIterator

from storekeeper_kit import config, logs, server
from tests.kit.serving import Settings, service


async def sleep(seconds: str) -> str:
    """Answers after that many seconds."""
    await asyncio.sleep(float(seconds or 0))
    return seconds


async def forever(text: str) -> AsyncIterator[str]:
    """Says it once, and then nothing more."""
    yield text
    await asyncio.Future()


async def main() -> None:
    """Serves until it is told to stop."""
    settings = config.load(Settings)
    logs.configure(settings.log_format, settings.log_level)
    await server.serve(service(sleep, forever), settings)


if __name__ == "__main__":
    server.run(main)
