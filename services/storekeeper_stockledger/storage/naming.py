"""Positions by their names, in statements: by id, by item and location, or by a stocked item that is there.

Where all are named by id, a statement of positions takes a shorter form; and one of a single position the shortest.
"""

from collections.abc import Collection, Iterable
from typing import Final

from storekeeper_kit.round_trips import Result, RoundTrip, Statement

from ..domain.operations import ItemAtLocation, Name, PositionId, PositionName, StockedItemId, StockedItemIds
from .arrays import numbers
from .rows import rows

_NAMED: Final = """(
           SELECT coalesce(name.position_id, pair.position_id, home.position_id) AS position_id, name.number{about}
             FROM unnest(%(names)s::position_name[]{arrays})
                  WITH ORDINALITY AS name(position_id, item_id, location_id, stocked_item_id{columns}, number)
             LEFT JOIN position pair
               ON name.item_id IS NOT NULL
              AND pair.tenant_id = %(tenant_id)s
              AND pair.item_id = name.item_id
              AND pair.location_id = name.location_id
              AND pair.close_time IS NULL
             LEFT JOIN stocked_item home
               ON name.stocked_item_id IS NOT NULL
              AND home.tenant_id = %(tenant_id)s
              AND home.stocked_item_id = name.stocked_item_id
       ) AS named"""

_ALL_NAMED: Final = _NAMED.format(about="", arrays="", columns="")
"""The open position of each pair, and those of the other names whatever they are; with the number of the name, from 1."""


def named_with(**arrays: str) -> str:
    """The same with what else is said of each name: a column of each array."""
    # Beside the names, not joined to them: two arrays are joined by comparing each with each.
    return _NAMED.format(
        about="".join(f", name.{column}" for column in arrays),
        arrays="".join(f", {array}" for array in arrays.values()),
        columns="".join(f", {column}" for column in arrays),
    )


_POSITIONS: Final = f"SELECT named.position_id FROM {_ALL_NAMED}"
"""All positions that are named."""

_POSITIONS_BY_ID: Final = "SELECT unnest(%(position_ids)s::bigint[])"
"""The same where all names are ids."""

_POSITIONS_AND_BESIDE: Final = f"""{_POSITIONS}
        UNION ALL
       SELECT target.position_id
         FROM unnest(%(beside)s::position_name[], %(to_location_ids)s::bigint[])
              AS beside(position_id, item_id, of_location_id, stocked_item_id, location_id)
         LEFT JOIN stocked_item home
           ON home.tenant_id = %(tenant_id)s AND home.stocked_item_id = beside.stocked_item_id
         JOIN position source
           ON source.tenant_id = %(tenant_id)s
          AND source.position_id = coalesce(beside.position_id, home.position_id)
         JOIN position target
           ON target.tenant_id = %(tenant_id)s
          AND target.item_id = source.item_id
          AND target.location_id = beside.location_id
          AND target.close_time IS NULL"""
"""All that are named, and those of their items at other locations."""


class StatementOfPositions:
    """SQL about positions: their ids stand where it has `{positions}`. How they are found depends on how they are named."""

    def __init__(self, sql: str) -> None:
        self.sql: Final = sql
        """With `{positions}`, as it was given."""
        self._by_id = Statement(sql.replace("{positions}", _POSITIONS_BY_ID))
        self._named = Statement(sql.replace("{positions}", _POSITIONS))
        self._named_and_beside = Statement(sql.replace("{positions}", _POSITIONS_AND_BESIDE))

    def execute(
        self, trip: RoundTrip, tenant_id: int, names: Collection[Name], beside: Collection[tuple[Name, int]] = ()
    ) -> Result:
        """Have it executed for the positions of these names, and of those beside: of a name's item, at another location."""
        if beside:
            return trip.execute(
                self._named_and_beside,
                tenant_id=tenant_id,
                names=_single_names(names),
                beside=position_names(name for name, _ in beside),
                to_location_ids=numbers(location_id for _, location_id in beside),
            )
        ids = [name.position_id for name in names if isinstance(name, PositionId)]
        if len(ids) == len(names):
            return trip.execute(self._by_id, tenant_id=tenant_id, position_ids=numbers(ids))
        return trip.execute(self._named, tenant_id=tenant_id, names=_single_names(names))


class StatementOfOnePosition:
    """SQL about one position `p`, named by id or by item and location: the condition for that stands where it has `{position}`."""

    def __init__(self, sql: str) -> None:
        self.sql: Final = sql
        """With `{position}`, as it was given."""
        self._by_id = Statement(sql.replace("{position}", "p.position_id = %(position_id)s"))
        self._by_pair = Statement(
            sql.replace(
                "{position}", "p.item_id = %(item_id)s AND p.location_id = %(location_id)s AND p.close_time IS NULL"
            )
        )

    def execute(self, trip: RoundTrip, tenant_id: int, name: PositionName, **parameters: object) -> Result:
        """Have it executed for the position of this name; of an item at a location that is the open one."""
        if isinstance(name, PositionId):
            return trip.execute(self._by_id, tenant_id=tenant_id, position_id=name.position_id, **parameters)
        return trip.execute(
            self._by_pair, tenant_id=tenant_id, item_id=name.item_id, location_id=name.location_id, **parameters
        )


def _single_names(names: Iterable[Name]) -> str:
    return position_names(one for name in names for one in _singly(name))


def position_names(names: Iterable[Name]) -> str:
    """An array of `position_name`. Of several stocked items the first one stands for all: they are of one position."""
    return rows(map(_position_name, names))


def _position_name(name: Name) -> str:
    match name:
        case ItemAtLocation(item_id, location_id):
            return f'"(,{item_id},{location_id},)"'
        case PositionId(position_id):
            return f'"({position_id},,,)"'
        case StockedItemId(stocked_item_id):
            return f'"(,,,{stocked_item_id})"'
        case StockedItemIds(stocked_item_ids):
            return f'"(,,,{stocked_item_ids[0]})"'


def _singly(name: Name) -> tuple[Name, ...]:
    """A name, or the names of several stocked items one by one."""
    if isinstance(name, StockedItemIds):
        return tuple(map(StockedItemId, name.stocked_item_ids))
    return (name,)
