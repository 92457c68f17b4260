"""The statements that read what the operations of a batch can touch; those of lines are in `lines.py`.

They read rows whose positions are locked, and may be sent in one round trip. What the rows mean is told by
`selected.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from storekeeper_kit.round_trips import Result, RoundTrip, Statement

from ..domain.operations import (
    OPERATION_KINDS,
    CountStock,
    ItemAtLocation,
    Name,
    StockedItemId,
    UpdateStockedItem,
)
from ..domain.shelf import Line
from .arrays import numbers, texts
from .lines import LINES_IN
from .naming import StatementOfPositions, named_with, position_names
from .selected import HOLDING_COLUMNS, STATE_COLUMNS, STOCKED_ITEM_COLUMNS, JournalEnd


class Bounds(NamedTuple):
    """How many rows are read at most."""

    page: int
    """Of one line, of one demand at a position, or of one order line at a position."""
    total: int
    """Of all of them together, those of the first one before those of the next."""


# Never before the transaction's own time, by which lines are read.
TENANT: Final = """
SELECT greatest(now(), clock_timestamp(), head.record_time) AS now, settings.reason_required, settings.currency_code,
       settings.invoice_number_required, settings.inactive_location_removal_allowed
  FROM (SELECT %(tenant_id)s::bigint AS tenant_id) AS tenant
  LEFT JOIN settings USING (tenant_id)
  LEFT JOIN journal_head AS head USING (tenant_id)
"""
"""SQL of the time, and of a tenant's settings: one row."""

FACTS: Final = """
SELECT p.position_id, l.active, i.item_id, i.version, i.tracking, i.quantity_scale, i.archived,
       (SELECT sum(s.available)
          FROM stocked_item s
         WHERE s.tenant_id = %(tenant_id)s
           AND s.position_id = p.position_id
           AND s.open
           AND s.expire_time <= tenant.now) AS expired
  FROM position p
  JOIN item i ON i.tenant_id = p.tenant_id AND i.item_id = p.item_id
  JOIN location l ON l.tenant_id = p.tenant_id AND l.location_id = p.location_id
 WHERE p.tenant_id = %(tenant_id)s
"""
"""SQL of what is to be known of positions `p`, beside a `tenant`, with room for a condition which."""

_STATE = StatementOfPositions(f"""
WITH tenant AS MATERIALIZED ({TENANT})
SELECT {STATE_COLUMNS}
  FROM tenant
  LEFT JOIN LATERAL ({FACTS}
           AND p.position_id IN (
       {{positions}}
               )
       ) AS fact ON true
""")

_REPEATS = Statement("""
SELECT o.request_id::text, o.fingerprint, o.operation_id, o.movement_count, o.last_movement_id, o.effective_time,
       (SELECT coalesce(m.unit_cost, CASE WHEN m.amount IS NOT NULL THEN s.unit_cost END)
          FROM movement m
          LEFT JOIN stocked_item s ON s.tenant_id = m.tenant_id AND s.stocked_item_id = m.stocked_item_id
         WHERE m.tenant_id = o.tenant_id AND m.movement_id = o.last_movement_id) AS unit_cost
  FROM operation o
 WHERE o.tenant_id = %(tenant_id)s AND o.request_id = ANY(%(request_ids)s::uuid[])
""")

_NAMED_STOCKED_ITEMS = Statement(f"""
SELECT {STOCKED_ITEM_COLUMNS}
  FROM stocked_item s
 WHERE s.tenant_id = %(tenant_id)s AND s.stocked_item_id = ANY(%(ids)s::bigint[])
""")

_HELD_BY_DEMANDS = Statement(f"""
SELECT {STOCKED_ITEM_COLUMNS}, r.position_id, {HOLDING_COLUMNS}
  FROM {named_with(demand="%(demands)s::text[]")}
 CROSS JOIN LATERAL (
       SELECT *
         FROM reservation held
        WHERE held.tenant_id = %(tenant_id)s
          AND held.position_id = named.position_id
          AND held.demand = named.demand
          AND held.open
        LIMIT %(page)s
       ) AS r
  JOIN stocked_item s ON s.tenant_id = %(tenant_id)s AND s.stocked_item_id = r.stocked_item_id
 ORDER BY named.number
 LIMIT %(total)s
""")

_HELD_OF_STOCKED_ITEMS = Statement(f"""
SELECT {STOCKED_ITEM_COLUMNS}, r.position_id, {HOLDING_COLUMNS}
  FROM unnest(%(stocked_item_ids)s::bigint[], %(demands)s::text[]) AS named(stocked_item_id, demand)
  JOIN stocked_item s ON s.tenant_id = %(tenant_id)s AND s.stocked_item_id = named.stocked_item_id
  JOIN reservation r
    ON r.tenant_id = %(tenant_id)s
   AND r.position_id = s.position_id
   AND r.demand = named.demand
   AND r.stocked_item_id = named.stocked_item_id
""")

# One more than covers what is given back, if there is one: it tells that this isn't all. Age is looked up for each, outside:
# joined, a planner that knows nothing of the tables yet may go through all stocked items by their age.
_DELIVERED = Statement(f"""
SELECT {STOCKED_ITEM_COLUMNS}, r.position_id, {HOLDING_COLUMNS}
  FROM (
       SELECT named.position_id, named.demand, sum(named.asked) AS asked, min(named.number) AS number
         FROM {named_with(demand="%(demands)s::text[]", asked="%(asked)s::numeric[]")}
        GROUP BY named.position_id, named.demand
       ) AS wanted
 CROSS JOIN LATERAL (
       SELECT page.*,
              coalesce(sum(page.delivered) OVER (
                  ORDER BY page.receive_time DESC, page.stocked_item_id DESC
                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
              ), 0) AS ahead
         FROM (SELECT held.*, item.receive_time
                 FROM reservation held
                CROSS JOIN LATERAL (
                      SELECT receive_time
                        FROM stocked_item
                       WHERE tenant_id = %(tenant_id)s AND stocked_item_id = held.stocked_item_id
                      OFFSET 0
                      ) AS item
                WHERE held.tenant_id = %(tenant_id)s
                  AND held.position_id = wanted.position_id
                  AND held.demand = wanted.demand
                  AND held.delivered > 0
                ORDER BY item.receive_time DESC, held.stocked_item_id DESC
                LIMIT %(page)s) AS page
       ) AS r
  JOIN stocked_item s ON s.tenant_id = %(tenant_id)s AND s.stocked_item_id = r.stocked_item_id
 WHERE r.ahead <= wanted.asked
 ORDER BY wanted.number, s.receive_time DESC, s.stocked_item_id DESC
 LIMIT %(total)s
""")

_EXPIRED_HOLDINGS = Statement(f"""
SELECT {STOCKED_ITEM_COLUMNS}, r.position_id, {HOLDING_COLUMNS}
  FROM unnest(%(position_ids)s::bigint[]) AS due(position_id)
  JOIN reservation r
    ON r.tenant_id = %(tenant_id)s AND r.position_id = due.position_id AND r.expire_time <= %(now)s
  JOIN stocked_item s ON s.tenant_id = %(tenant_id)s AND s.stocked_item_id = r.stocked_item_id
 ORDER BY r.expire_time
 LIMIT %(limit)s
""")

_EXPECTATIONS = Statement(f"""
SELECT e.position_id, e.order_line, e.on_order, e.received
  FROM {named_with(order_line="%(order_lines)s::text[]")}
 CROSS JOIN LATERAL (
       SELECT *
         FROM expectation line
        WHERE line.tenant_id = %(tenant_id)s
          AND line.position_id = named.position_id
          AND line.order_line = named.order_line
       OFFSET 0
       ) AS e
""")

_RECEIPT = """(
       SELECT m.movement_id
         FROM movement m
        WHERE m.tenant_id = %(tenant_id)s
          AND m.stocked_item_id = {stocked_item}.stocked_item_id
          AND m.kind = 'received'
          AND m.position_id = {stocked_item}.position_id
        ORDER BY m.movement_id
        LIMIT 1
       )"""

# Units that relocated are no longer where they were received: they have no receipt here, and don't count.
_BROUGHT = Statement(f"""
SELECT {STOCKED_ITEM_COLUMNS}, s.receipt
  FROM (
       SELECT named.position_id, named.order_line, sum(named.asked) AS asked, min(named.number) AS number
         FROM {named_with(order_line="%(order_lines)s::text[]", asked="%(asked)s::numeric[]")}
        GROUP BY named.position_id, named.order_line
       ) AS wanted
 CROSS JOIN LATERAL (
       SELECT page.*,
              coalesce(sum(page.available) FILTER (WHERE page.receipt IS NOT NULL) OVER (
                  ORDER BY page.receive_time DESC, page.stocked_item_id DESC
                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
              ), 0) AS ahead
         FROM (SELECT brought.*, {_RECEIPT.format(stocked_item="brought")} AS receipt
                 FROM stocked_item brought
                WHERE brought.tenant_id = %(tenant_id)s
                  AND brought.position_id = wanted.position_id
                  AND brought.order_line = wanted.order_line
                  AND brought.order_line <> ''
                  AND brought.open
                  AND brought.available > 0
                ORDER BY brought.receive_time DESC, brought.stocked_item_id DESC
                LIMIT %(page)s) AS page
       ) AS s
 WHERE s.ahead < wanted.asked
 ORDER BY wanted.number, s.receive_time DESC, s.stocked_item_id DESC
 LIMIT %(total)s
""")

_RECEIPTS = Statement(f"""
SELECT s.position_id, s.stocked_item_id, {_RECEIPT.format(stocked_item="s")}
  FROM stocked_item s
 WHERE s.tenant_id = %(tenant_id)s AND s.stocked_item_id = ANY(%(ids)s::bigint[]) AND s.order_line <> ''
""")

_KNOWN_ITEMS = Statement("""
SELECT item_id FROM item WHERE tenant_id = %(tenant_id)s AND item_id = ANY(%(ids)s::bigint[]) AND NOT forgotten
""")

_KNOWN_LOCATIONS = Statement("""
SELECT location_id FROM location WHERE tenant_id = %(tenant_id)s AND location_id = ANY(%(ids)s::bigint[])
""")

# Looked up one by one, by their own index: what is in stock is asked outside, and OFFSET keeps it there. Joined, a planner
# that knows nothing of a table yet compares each number with each in stock.
_SERIAL_NUMBERS = Statement("""
SELECT s.item_id, wanted.serial_number, s.stocked_item_id
  FROM unnest(%(serial_numbers)s::text[]) AS wanted(serial_number)
 CROSS JOIN LATERAL (
       SELECT item_id, stocked_item_id, open
         FROM stocked_item
        WHERE tenant_id = %(tenant_id)s AND serial_number = wanted.serial_number AND serial_number <> ''
       OFFSET 0
       ) AS s
 WHERE s.open
""")

_COSTING = Statement(f"""
SELECT wanted.position_id, costed.units, costed.value, newest.unit_cost, newest.receive_time, newest.stocked_item_id
  FROM (
       SELECT named.position_id, bool_or(named.averaged) AS averaged
         FROM {named_with(averaged="%(averaged)s::boolean[]")}
        WHERE named.position_id IS NOT NULL
        GROUP BY named.position_id
       ) AS wanted
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(s.available + s.reserved + s.picked), 0) AS units, coalesce(sum(s.value), 0) AS value
         FROM stocked_item s
        WHERE wanted.averaged
          AND s.tenant_id = %(tenant_id)s AND s.position_id = wanted.position_id AND s.open
          AND s.unit_cost IS NOT NULL
       ) AS costed
  LEFT JOIN LATERAL (
       SELECT s.unit_cost, s.receive_time, s.stocked_item_id
         FROM stocked_item s
        WHERE s.tenant_id = %(tenant_id)s AND s.position_id = wanted.position_id AND s.unit_cost IS NOT NULL
        ORDER BY s.receive_time DESC, s.stocked_item_id DESC
        LIMIT 1
       ) AS newest ON true
""")

# Of a stocked item it is what was on hand of it, wherever it was then.
_COUNTED = Statement("""
SELECT wanted.number,
       CASE
       WHEN wanted.stocked_item_id IS NULL
       THEN (SELECT m.position_available_after + m.position_reserved_after + m.position_picked_after
               FROM movement m
              WHERE m.tenant_id = %(tenant_id)s
                AND m.position_id = wanted.position_id
                AND m.movement_id <= newest.last_movement_id
              ORDER BY m.movement_id DESC
              LIMIT 1)
       ELSE (SELECT m.available_after + m.reserved_after + m.picked_after
               FROM movement m
              WHERE m.tenant_id = %(tenant_id)s
                AND m.stocked_item_id = wanted.stocked_item_id
                AND m.movement_id <= newest.last_movement_id
              ORDER BY m.movement_id DESC
              LIMIT 1)
        END
  FROM unnest(%(position_ids)s::bigint[], %(stocked_item_ids)s::bigint[], %(times)s::timestamptz[])
       WITH ORDINALITY AS wanted(position_id, stocked_item_id, time, number)
  LEFT JOIN LATERAL (
       SELECT o.last_movement_id
         FROM operation o
        WHERE o.tenant_id = %(tenant_id)s AND o.record_time <= wanted.time
        ORDER BY o.record_time DESC, o.operation_id DESC
        LIMIT 1
       ) AS newest ON true
""")

_JOURNAL_END = Statement("""
SELECT last_operation_id, last_movement_id FROM journal_head WHERE tenant_id = %(tenant_id)s
""")

# A range with two ends, since ids have no gaps: of one with a single end a planner thinks that it is a third of the journal.
_MOVED_SINCE = Statement("""
(SELECT m.position_id
   FROM movement m
  WHERE m.tenant_id = %(tenant_id)s
    AND m.movement_id > %(movement_id)s::bigint
    AND m.movement_id <= %(movement_id)s::bigint + %(limit)s::bigint)
 UNION ALL
(SELECT NULL
   FROM operation o
  WHERE o.tenant_id = %(tenant_id)s AND o.operation_id > %(operation_id)s AND o.kind = %(describing)s
  ORDER BY o.operation_id
  LIMIT 1)
""")

_NEW_IDS = Statement("""
SELECT nextval('stocked_item_stocked_item_id_seq') FROM generate_series(1, %(count)s)
""")

_NEW_POSITION_IDS = Statement("""
SELECT nextval('position_position_id_seq') FROM generate_series(1, %(count)s)
""")


class Selecting:
    """Sends the statements for one batch. What each answers is read by the function that its docstring names."""

    def __init__(self, trip: RoundTrip, tenant_id: int) -> None:
        self._trip = trip
        self._tenant_id = tenant_id

    def state(self, names: Collection[Name], beside: Collection[tuple[Name, int]]) -> Result:
        """The database's time, never before the newest record, the tenant's settings, and facts about the positions.

        See `read_state`.
        """
        return _STATE.execute(self._trip, self._tenant_id, names, beside)

    def repeats(self, request_ids: Iterable[str]) -> Result:
        """What is recorded under these request ids. See `read_repeats`."""
        return self._execute(_REPEATS, request_ids=numbers(request_ids))

    def lines(self, line: Line, asked: Mapping[Name, Decimal], bounds: Bounds) -> Result:
        """The first stocked items in the line of each position, at most a page, until they cover what is asked.

        See `read_stocked_items`.
        """
        return self._execute(
            LINES_IN[line], asked=numbers(asked.values()), **bounds._asdict(), names=position_names(asked)
        )

    def journal_end(self) -> Result:
        """How far the journal goes. See `read_journal_end`."""
        return self._execute(_JOURNAL_END)

    def moved_since(self, end: JournalEnd, limit: int) -> Result:
        """The position of each movement after that, so many at most; NULL where a stocked item was described. See `read_moved`."""
        describing = OPERATION_KINDS[UpdateStockedItem]
        return self._execute(_MOVED_SINCE, **end._asdict(), describing=describing, limit=limit)

    def named(self, stocked_item_ids: Collection[int]) -> Result:
        """The stocked items of these ids. See `read_stocked_items`."""
        return self._execute(_NAMED_STOCKED_ITEMS, ids=numbers(stocked_item_ids))

    def held_by_demands(self, demands: Collection[tuple[Name, str]], bounds: Bounds) -> Result:
        """What demands hold on hand at positions, at most a page of each. See `read_holdings`."""
        return self._execute(
            _HELD_BY_DEMANDS,
            demands=texts(demand for _, demand in demands),
            **bounds._asdict(),
            names=position_names(name for name, _ in demands),
        )

    def held_of_stocked_items(self, held: Collection[tuple[int, str]]) -> Result:
        """What demands hold of stocked items, or were delivered of them. See `read_holdings`."""
        return self._execute(
            _HELD_OF_STOCKED_ITEMS,
            stocked_item_ids=numbers(one for one, _ in held),
            demands=texts(demand for _, demand in held),
        )

    def delivered(self, asked: Mapping[tuple[Name, str], Decimal], bounds: Bounds) -> Result:
        """What was delivered to demands, newest first: at most a page, until it is more than is asked.

        See `read_holdings`.
        """
        return self._execute(
            _DELIVERED,
            demands=texts(demand for _, demand in asked),
            asked=numbers(asked.values()),
            **bounds._asdict(),
            names=position_names(name for name, _ in asked),
        )

    def expired_holdings(self, position_ids: Collection[int], now: datetime, limit: int) -> Result:
        """What is reserved at positions until a time that has passed. See `read_holdings`."""
        return self._execute(_EXPIRED_HOLDINGS, position_ids=numbers(position_ids), now=now, limit=limit)

    def expectations(self, order_lines: Collection[tuple[Name, str]]) -> Result:
        """What order lines bring to positions. See `read_expectations`."""
        return self._execute(
            _EXPECTATIONS,
            order_lines=texts(line for _, line in order_lines),
            names=position_names(name for name, _ in order_lines),
        )

    def brought(self, asked: Mapping[tuple[Name, str], Decimal], bounds: Bounds) -> Result:
        """What order lines have brought and is available, newest first: at most a page, until it covers what is asked.

        See `read_brought`.
        """
        return self._execute(
            _BROUGHT,
            order_lines=texts(line for _, line in asked),
            asked=numbers(asked.values()),
            **bounds._asdict(),
            names=position_names(name for name, _ in asked),
        )

    def receipts(self, stocked_item_ids: Collection[int]) -> Result:
        """The movements that received stocked items where they are. See `read_receipts`."""
        return self._execute(_RECEIPTS, ids=numbers(stocked_item_ids))

    def known_items(self, pairs: Iterable[ItemAtLocation]) -> Result:
        """Which of the items are registered. See `read_ids`."""
        return self._execute(_KNOWN_ITEMS, ids=numbers(pair.item_id for pair in pairs))

    def known_locations(self, pairs: Iterable[ItemAtLocation]) -> Result:
        """Which of the locations exist. See `read_ids`."""
        return self._execute(_KNOWN_LOCATIONS, ids=numbers(pair.location_id for pair in pairs))

    def serial_numbers(self, serial_numbers: Iterable[str]) -> Result:
        """Which units in stock have one of these serial numbers. See `read_serial_numbers`."""
        return self._execute(_SERIAL_NUMBERS, serial_numbers=texts(serial_numbers))

    def costing(self, costed: Mapping[Name, bool]) -> Result:
        """What the positions' stock tells about costs: the last one or, of some, the average too. See `read_costing`."""
        return self._execute(_COSTING, averaged=numbers(costed.values()), names=position_names(costed))

    def counted(self, counts: Sequence[CountStock], position_ids: Sequence[int]) -> Result:
        """What was on hand at these positions when it was counted. See `read_counted`."""
        return self._execute(
            _COUNTED,
            position_ids=numbers(position_ids),
            stocked_item_ids=numbers(
                one.target.stocked_item_id if isinstance(one.target, StockedItemId) else None for one in counts
            ),
            times=numbers(one.count_time for one in counts),
        )

    def new_ids(self, count: int) -> Result:
        """Ids for new stocked items, given under the locks of their positions. See `read_ids`."""
        return self._execute(_NEW_IDS, count=count)

    def new_position_ids(self, count: int) -> Result:
        """Ids for new positions. See `read_ids`."""
        return self._execute(_NEW_POSITION_IDS, count=count)

    def _execute(self, statement: Statement, **parameters: object) -> Result:
        return self._trip.execute(statement, tenant_id=self._tenant_id, **parameters)
