"""Units where no call takes them yet: reserved, picked, delivered, transferred or on order.

Put there in the database, in such a way that all sums still agree.
"""

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier

ON_HAND: Final = frozenset({"reserved", "picked"})
"""The places whose units are still on hand, and which a position counts too."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Takes a tenant's units elsewhere."""

    database_url: str
    tenant_id: int

    def take(self, stocked_item_id: int, place: str, quantity: int) -> None:
        """Take available units of a stocked item to this place."""
        values = {"quantity": quantity, "gone": 0 if place in ON_HAND else quantity, **self._key(stocked_item_id)}
        put = SQL("{place} = {place} + %(quantity)s").format(place=Identifier(place))
        count = SQL(", {put}").format(put=put) if place in ON_HAND else SQL("")
        with psycopg.connect(self.database_url) as connection:
            connection.execute(SQL(_TAKE).format(put=put), values)
            connection.execute(SQL(_COUNT).format(count=count), values)

    def order(self, position_id: int, quantity: int) -> None:
        """Expect units at a position."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(_ORDER, {"quantity": quantity, **self._key(position_id)})

    def _key(self, row_id: int) -> dict[str, int]:
        return {"tenant_id": self.tenant_id, "id": row_id}


_TAKE: Final = """
    UPDATE stocked_item
    SET available = available - %(quantity)s, {put},
        open = available + reserved + picked > %(gone)s,
        value = CASE WHEN available + reserved + picked > %(gone)s THEN value ELSE value * 0 END
    WHERE tenant_id = %(tenant_id)s AND stocked_item_id = %(id)s
"""
_COUNT: Final = """
    UPDATE position
    SET available = available - %(quantity)s{count}
    WHERE tenant_id = %(tenant_id)s AND position_id = (
        SELECT position_id FROM stocked_item WHERE tenant_id = %(tenant_id)s AND stocked_item_id = %(id)s
    )
"""
_ORDER: Final = """
    UPDATE position SET on_order = on_order + %(quantity)s WHERE tenant_id = %(tenant_id)s AND position_id = %(id)s
"""
