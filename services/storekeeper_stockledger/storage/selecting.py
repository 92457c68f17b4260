"""The statements that read what the operations of a batch can touch, and what their rows mean.

They read rows whose positions are locked, and may be sent together, on a connection in pipeline mode.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, Cursor

from ..domain.costs import Costing
from ..domain.items import Item, Settings, Tracking
from ..domain.operations import ItemAtLocation
from ..domain.places import Places
from ..domain.stock import StockedItem
from .arrays import numbers, texts

Age = tuple[datetime, int]
"""What oldest-first orders by: receive time and id."""

LINE_PAGE: Final = 256
"""Stocked items read of one position at a time, until what was asked for is covered."""

LINES_MAX: Final = 4096
"""Stocked items read for all positions of a batch together, those of the first position before those of the next."""

_TENANT = """
SELECT greatest(clock_timestamp(), head.record_time), settings.reason_required, settings.currency_code
  FROM (SELECT %(tenant_id)s::bigint AS tenant_id) AS tenant
  LEFT JOIN settings USING (tenant_id)
  LEFT JOIN journal_head AS head USING (tenant_id)
"""

_POSITION_FACTS = """
SELECT p.position_id, l.active, i.item_id, i.version, i.tracking, i.quantity_scale, i.archived
  FROM unnest(%(position_ids)s::bigint[]) AS wanted(position_id)
  JOIN position p ON p.tenant_id = %(tenant_id)s AND p.position_id = wanted.position_id
  JOIN item i ON i.tenant_id = p.tenant_id AND i.item_id = p.item_id
  JOIN location l ON l.tenant_id = p.tenant_id AND l.location_id = p.location_id
"""

_REPEATS = """
SELECT request_id, fingerprint, operation_id, movement_count, last_movement_id
  FROM operation
 WHERE tenant_id = %(tenant_id)s AND request_id = ANY(%(request_ids)s::uuid[])
"""

_STOCKED_ITEM_COLUMNS = """
       s.stocked_item_id, s.position_id, s.item_id, s.location_id, s.receive_time, s.received, s.available,
       s.reserved, s.picked, s.delivered, s.transferred, s.removed, s.unit_cost, s.value, s.lot, s.serial_number
"""

# The page is cut before the window is computed, so that no more rows are read than a page has.
_LINES = f"""
SELECT {_STOCKED_ITEM_COLUMNS}
  FROM unnest(
           %(position_ids)s::bigint[], %(asked)s::numeric[], %(times)s::timestamptz[], %(ids)s::bigint[]
       ) WITH ORDINALITY AS wanted(position_id, asked, after_time, after_id, number)
 CROSS JOIN LATERAL (
       SELECT page.*,
              sum(page.available) OVER (ORDER BY page.receive_time, page.stocked_item_id) - page.available AS ahead
         FROM (SELECT line.*
                 FROM stocked_item line
                WHERE line.tenant_id = %(tenant_id)s
                  AND line.position_id = wanted.position_id
                  AND line.open
                  AND line.available > 0
                  AND (line.receive_time, line.stocked_item_id) > (wanted.after_time, wanted.after_id)
                ORDER BY line.receive_time, line.stocked_item_id
                LIMIT {LINE_PAGE}) AS page
       ) AS s
 WHERE s.ahead < wanted.asked
 ORDER BY wanted.number, s.receive_time, s.stocked_item_id
 LIMIT {LINES_MAX}
"""

_NAMED = f"""
SELECT {_STOCKED_ITEM_COLUMNS}
  FROM stocked_item s
 WHERE s.tenant_id = %(tenant_id)s AND s.stocked_item_id = ANY(%(stocked_item_ids)s::bigint[])
"""

_KNOWN_ITEMS = "SELECT item_id FROM item WHERE tenant_id = %(tenant_id)s AND item_id = ANY(%(ids)s::bigint[])"

_KNOWN_LOCATIONS = """
SELECT location_id FROM location WHERE tenant_id = %(tenant_id)s AND location_id = ANY(%(ids)s::bigint[])
"""

_SERIAL_NUMBERS = """
SELECT s.item_id, s.serial_number, s.stocked_item_id
  FROM unnest(%(serial_numbers)s::text[]) AS wanted(serial_number)
  JOIN stocked_item s
    ON s.tenant_id = %(tenant_id)s AND s.serial_number = wanted.serial_number AND s.serial_number <> '' AND s.open
"""

_COSTING = """
SELECT wanted.position_id, costed.units, costed.value, newest.unit_cost, newest.receive_time
  FROM unnest(%(position_ids)s::bigint[]) AS wanted(position_id)
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(s.available + s.reserved + s.picked), 0) AS units, coalesce(sum(s.value), 0) AS value
         FROM stocked_item s
        WHERE s.tenant_id = %(tenant_id)s AND s.position_id = wanted.position_id AND s.open
          AND s.unit_cost IS NOT NULL
       ) AS costed
  LEFT JOIN LATERAL (
       SELECT s.unit_cost, s.receive_time
         FROM stocked_item s
        WHERE s.tenant_id = %(tenant_id)s AND s.position_id = wanted.position_id AND s.unit_cost IS NOT NULL
        ORDER BY s.receive_time DESC, s.stocked_item_id DESC
        LIMIT 1
       ) AS newest ON true
"""

_NEW_IDS = """
SELECT nextval('stocked_item_stocked_item_id_seq') FROM generate_series(1, %(count)s)
"""


@dataclass(frozen=True, slots=True)
class Repeat:
    """What is recorded under a request id."""

    fingerprint: bytes
    operation_id: int
    movement_count: int
    last_movement_id: int

    @property
    def movement_ids(self) -> range:
        """The ids of its movements."""
        return range(self.last_movement_id - self.movement_count + 1, self.last_movement_id + 1)


class Selecting:
    """Sends the statements for one batch. What each answers is read by the function that its docstring names."""

    def __init__(self, connection: Connection[Any], tenant_id: int) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    def tenant(self) -> Cursor[Any]:
        """The database's time, never before the newest record, and the tenant's settings. See `read_tenant`."""
        return self._execute(_TENANT)

    def position_facts(self, position_ids: Collection[int]) -> Cursor[Any]:
        """What the items and locations of the positions say about them. See `read_position_facts`."""
        return self._execute(_POSITION_FACTS, position_ids=numbers(position_ids))

    def repeats(self, request_ids: Iterable[UUID]) -> Cursor[Any]:
        """What is recorded under these request ids. See `read_repeats`."""
        return self._execute(_REPEATS, request_ids=numbers(request_ids))

    def lines(self, asked: Mapping[int, Decimal], after: Mapping[int, Age]) -> Cursor[Any]:
        """The oldest open stocked items of each position, at most a page, until they cover what is asked.

        `after` tells where the page before ended. See `read_stocked_items`.
        """
        ends = [after.get(position_id) for position_id in asked]
        return self._execute(
            _LINES,
            position_ids=numbers(asked),
            asked=numbers(asked.values()),
            times=numbers(end[0] if end else "-infinity" for end in ends),
            ids=numbers(end[1] if end else 0 for end in ends),
        )

    def named(self, stocked_item_ids: Collection[int]) -> Cursor[Any]:
        """The stocked items of these ids. See `read_stocked_items`."""
        return self._execute(_NAMED, stocked_item_ids=numbers(stocked_item_ids))

    def known_items(self, pairs: Iterable[ItemAtLocation]) -> Cursor[Any]:
        """Which of the items are registered. See `read_ids`."""
        return self._execute(_KNOWN_ITEMS, ids=numbers(pair.item_id for pair in pairs))

    def known_locations(self, pairs: Iterable[ItemAtLocation]) -> Cursor[Any]:
        """Which of the locations exist. See `read_ids`."""
        return self._execute(_KNOWN_LOCATIONS, ids=numbers(pair.location_id for pair in pairs))

    def serial_numbers(self, serial_numbers: Iterable[str]) -> Cursor[Any]:
        """Which units in stock have one of these serial numbers. See `read_serial_numbers`."""
        return self._execute(_SERIAL_NUMBERS, serial_numbers=texts(serial_numbers))

    def costing(self, position_ids: Collection[int]) -> Cursor[Any]:
        """What the positions' stock tells about costs. See `read_costing`."""
        return self._execute(_COSTING, position_ids=numbers(position_ids))

    def new_ids(self, count: int) -> Cursor[Any]:
        """Ids for new stocked items, given under the locks of their positions. See `read_ids`."""
        return self._execute(_NEW_IDS, count=count)

    def _execute(self, statement: str, **parameters: object) -> Cursor[Any]:
        return self._connection.execute(statement, {"tenant_id": self._tenant_id, **parameters}, prepare=True)


def read_tenant(cursor: Cursor[Any]) -> tuple[datetime, Settings]:
    """The time and the settings; those of a tenant that has none are the defaults."""
    now, reason_required, currency_code = cursor.fetchall()[0]
    if currency_code is None:
        return now, Settings()
    return now, Settings(reason_required, currency_code)


def read_position_facts(cursor: Cursor[Any]) -> dict[int, tuple[bool, Item]]:
    """Whether the location is active, and the item, by position id."""
    return {
        position_id: (active, Item(item_id, version, Tracking(tracking), scale, archived))
        for position_id, active, item_id, version, tracking, scale, archived in cursor.fetchall()
    }


def read_repeats(cursor: Cursor[Any]) -> dict[UUID, Repeat]:
    """What is recorded, by request id."""
    return {request_id: Repeat(*rest) for request_id, *rest in cursor.fetchall()}


def read_stocked_items(cursor: Cursor[Any]) -> list[StockedItem]:
    """Stocked items as they are stored."""
    return [
        StockedItem(
            stocked_item_id=row[0],
            position_id=row[1],
            item_id=row[2],
            location_id=row[3],
            receive_time=row[4],
            places=Places(*row[5:12]),
            unit_cost=row[12],
            value=row[13],
            lot=row[14],
            serial_number=row[15],
        )
        for row in cursor.fetchall()
    ]


def read_ids(cursor: Cursor[Any]) -> list[int]:
    """One column of ids."""
    return [row[0] for row in cursor.fetchall()]


def read_serial_numbers(cursor: Cursor[Any]) -> dict[tuple[int, str], int]:
    """The stocked item in stock, by item and serial number."""
    return {(item_id, serial_number): holder for item_id, serial_number, holder in cursor.fetchall()}


def read_costing(cursor: Cursor[Any]) -> dict[int, Costing]:
    """Costings by position id."""
    return {position_id: Costing(*rest) for position_id, *rest in cursor.fetchall()}
