"""What readers see of positions, stocked items and reservations, as the views of the migrations tell it.

A reservation ends at the instant at which it expires: from then on its units count as available for every reader, whether
or not somebody has written that down. The rows of `tables.py` are what is written down.
"""

from collections.abc import Iterable

from sqlalchemy import Column, MetaData, Table

from . import tables

metadata = MetaData()


def _view(name: str, columns: Iterable[Column[object]], *, without: Iterable[str]) -> Table:
    """A view that has these columns, as they are called and typed in their tables."""
    return Table(name, metadata, *(Column(one.name, one.type) for one in columns if one.name not in without))


position = _view("position_now", tables.position.c, without={"next_expiry"})

stocked_item = _view("stocked_item_now", tables.stocked_item.c, without={"expiry_operation_id"})

reservation = _view(
    "reservation_now",
    [*tables.reservation.c, tables.position.c.item_id, tables.position.c.location_id],
    without={"delivered_value"},
)
