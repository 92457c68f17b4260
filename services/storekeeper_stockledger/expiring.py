"""Writes down which reservations have expired.

Nobody waits for it: from the instant at which a reservation expires every reader and every writer takes its units for
available. The sweep is for what nobody asks about, so that the journal tells of it soon.
"""

import asyncio
from collections import defaultdict
from concurrent.futures import Executor
from typing import Final

import structlog
from sqlalchemy import text

from storekeeper_kit.database import Database, Trouble, classify
from storekeeper_kit.failpoints import Point, reach

from .ledger import Ledger

INTERVAL_S: Final = 1.0
"""Between two sweeps."""

POSITIONS_MAX: Final = 100
"""Positions that are settled in one transaction, which holds the locks of them all."""

_DUE: Final = text(
    "SELECT tenant_id, position_id FROM position WHERE next_expiry <= now() ORDER BY tenant_id, position_id LIMIT 1000"
)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Sweeper:
    """Settles what is due, again and again. Several processes may do so at once: the second finds nothing left."""

    def __init__(self, ledger: Ledger, database: Database, workers: Executor) -> None:
        self._ledger = ledger
        self._database = database
        self._workers = workers
        self._succeeds = True

    async def sweep_forever(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            await asyncio.get_running_loop().run_in_executor(self._workers, self._try_to_sweep)

    def sweep(self) -> None:
        """Settle all positions where reservations have expired."""
        with self._database.read() as connection:
            due: defaultdict[int, list[int]] = defaultdict(list)
            for tenant_id, position_id in connection.execute(_DUE):
                due[tenant_id].append(position_id)
        for tenant_id, position_ids in due.items():
            for first in range(0, len(position_ids), POSITIONS_MAX):
                reach(Point.EXPIRY_FOUND)
                self._ledger.settle(tenant_id, position_ids[first : first + POSITIONS_MAX])
                reach(Point.EXPIRY_SETTLED)

    def _try_to_sweep(self) -> None:
        try:
            self.sweep()
        except Exception as error:  # noqa: BLE001 - whatever it was, the next sweep may succeed
            if self._succeeds and classify(error) is not Trouble.CONFLICT:
                log.warning("sweeps_fail", cause=repr(error))
            self._succeeds = False
        else:
            self._succeeds = True
