"""Expectations: what an order line has on order and has brought is what the movements that name it give."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from ..domain.places import ZERO
from .balances import OF_ORDER_LINE, Units, after
from .findings import Finding, differences, missing, unexpected
from .matching import matched
from .snapshot import Advance, Snapshot

Key = tuple[int, str]
_COUNTED: Final = ("on_order", "received")
_NOTHING: Final[Units] = (ZERO,) * len(_COUNTED)


class Movement(NamedTuple):
    """Units of an order line on their way."""

    position_id: int
    order_line: str
    movement_id: int
    kind: str
    quantity: Decimal


class Expectation(NamedTuple):
    """An expectation as it stands."""

    position_id: int
    order_line: str
    on_order: Decimal
    received: Decimal


def check(snapshot: Snapshot, tenant_id: int, advance: Advance) -> Iterator[Finding]:
    """What is wrong with expectations."""
    movements = snapshot.rows(Movement, _MOVEMENTS, tenant_id, advance)
    expectations = snapshot.rows(Expectation, _EXPECTATIONS, tenant_id)
    for key, moved, expectation in matched(movements, _key, expectations, _key):
        units, last = _NOTHING, 0
        for movement in moved:
            units = after(units, OF_ORDER_LINE.get(movement.kind), movement.quantity)
            last = movement.movement_id
        if expectation is None:
            yield missing(("expectation", key), f"it has movements, up to {last}")
        elif not last:
            yield unexpected(("expectation", key), "no movement names it")
        else:
            columns = zip(_COUNTED, (expectation.on_order, expectation.received), units, strict=True)
            yield from differences(("expectation", key), columns, f"so movement {last}, its last, has left it")


def _key(row: Movement | Expectation) -> Key:
    return row[0], row[1]


# Sorted as Python sorts text.
_MOVEMENTS: Final = """
SELECT position_id, order_line, movement_id, kind, quantity
  FROM movement
 WHERE tenant_id = %s AND order_line <> ''
 ORDER BY position_id, order_line COLLATE "C", movement_id
"""

_EXPECTATIONS: Final = """
SELECT position_id, order_line, on_order, received
  FROM expectation
 WHERE tenant_id = %s
 ORDER BY position_id, order_line COLLATE "C"
"""
