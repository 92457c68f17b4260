"""Positions by their names, in statements: by id, by item and location, or by a stocked item that is there."""

from collections.abc import Iterable
from typing import Final

from ..domain.operations import ItemAtLocation, Name, PositionId, StockedItemId, StockedItemIds
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


POSITIONS: Final = f"SELECT named.position_id FROM {_ALL_NAMED}"
"""All positions that are named."""

POSITIONS_AND_BESIDE: Final = f"""{POSITIONS}
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
"""The same, and those of their items at other locations."""


def names_of_positions(names: Iterable[Name], beside: Iterable[tuple[Name, int]]) -> dict[str, str]:
    """The parameters of `POSITIONS`, and those of `POSITIONS_AND_BESIDE` where there are any beside."""
    parameters = {"names": position_names(one for name in names for one in _singly(name))}
    beside = list(beside)
    if beside:
        parameters["beside"] = position_names(name for name, _ in beside)
        parameters["to_location_ids"] = numbers(location_id for _, location_id in beside)
    return parameters


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
