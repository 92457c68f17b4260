"""The statements that read the first stocked items in the lines of positions, until they cover what is asked."""

from collections.abc import Mapping
from typing import Final

from storekeeper_kit.round_trips import Statement

from ..domain.operations import StockOrder
from ..domain.shelf import EVERY_LINE, Line
from .naming import named_with
from .selected import STOCKED_ITEM_COLUMNS

# The page is cut before the window is computed, so that no more rows are read than a page has.
_LINES = f"""
SELECT {STOCKED_ITEM_COLUMNS}
  FROM (
       SELECT named.position_id, sum(named.asked) AS asked, min(named.number) AS number
         FROM {named_with(asked="%(asked)s::numeric[]")}
        WHERE named.position_id IS NOT NULL
        GROUP BY named.position_id
       ) AS wanted
 CROSS JOIN LATERAL (
       SELECT page.*,
              coalesce(sum(page.usable) OVER (
                  ORDER BY {{order}} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
              ), 0) AS ahead
         FROM (SELECT line.*, {{usable}} AS usable
                 FROM {{line}}
                LIMIT %(page)s) AS page
       ) AS s
 WHERE s.ahead < wanted.asked
 ORDER BY wanted.number, {{order_of_all}}
 LIMIT %(total)s
"""

# What had expired when the transaction began is left out, whatever is ahead in line. What has expired since then, or by the
# journal's time, is read but doesn't count; by the batch's own time (`selecting.py`), or by a later one. Where lines are read
# ahead of the locks, what expires until these are there does count, and who needs more than is left is decided again, alone.
_FRESH = "line.expire_time > now()"
_USABLE = """CASE
                      WHEN line.expire_time IS NULL
                      THEN line.available
                      WHEN line.expire_time <= (
                           SELECT greatest(clock_timestamp(), max(head.record_time))
                             FROM journal_head head
                            WHERE head.tenant_id = %(tenant_id)s
                           )
                      THEN 0
                      ELSE line.available
                       END"""

_LINE = """stocked_item line
                WHERE line.tenant_id = %(tenant_id)s
                  AND line.position_id = {position}
                  AND line.open
                  AND line.available > 0"""

_ORDERED_LINES: Final[Mapping[StockOrder, tuple[str, str]]] = {
    StockOrder.OLDEST_FIRST: (
        f"{_LINE} AND {{all}} ORDER BY line.receive_time, line.stocked_item_id",
        "{0}.receive_time, {0}.stocked_item_id",
    ),
    StockOrder.NEWEST_FIRST: (
        f"{_LINE} AND {{all}} ORDER BY line.receive_time DESC, line.stocked_item_id DESC",
        "{0}.receive_time DESC, {0}.stocked_item_id DESC",
    ),
    # Those that expire have an index of their own; so the two kinds are read one after the other.
    StockOrder.FIRST_EXPIRED_FIRST: (
        f"""(
                 (SELECT line.* FROM {_LINE} AND {{expiring}}
                   ORDER BY line.expire_time, line.receive_time, line.stocked_item_id LIMIT %(page)s)
                  UNION ALL
                 (SELECT line.* FROM {_LINE} AND line.expire_time IS NULL
                   ORDER BY line.receive_time, line.stocked_item_id LIMIT %(page)s)
                 ) AS line ORDER BY line.expire_time, line.receive_time, line.stocked_item_id""",
        "{0}.expire_time, {0}.receive_time, {0}.stocked_item_id",
    ),
}


def _line(order: StockOrder, position: str, *, with_expired: bool) -> str:
    """What is in a line of the position of this id, in its order."""
    line, _ = _ORDERED_LINES[order]
    return line.format(
        position=position,
        all="true" if with_expired else f"(line.expire_time IS NULL OR {_FRESH})",
        expiring="line.expire_time IS NOT NULL" if with_expired else _FRESH,
    )


def _lines(order: StockOrder, with_expired: bool) -> str:
    _, ordered = _ORDERED_LINES[order]
    return _LINES.format(
        line=_line(order, "wanted.position_id", with_expired=with_expired),
        usable="line.available" if with_expired else _USABLE,
        order=ordered.format("page"),
        order_of_all=ordered.format("s"),
    )


def first_in(line: Line, position: str) -> str:
    """SQL of the first stocked items in the line of a position, as many as `page` tells, whatever they cover."""
    return f"SELECT line.* FROM {_line(line.order, position, with_expired=line.with_expired)} LIMIT %(page)s"


LINES_IN: Final = {line: Statement(_lines(*line)) for line in EVERY_LINE}
"""The statement of each line."""
