"""The shelves of a batch, each made when it is first asked for.

A batch of hundreds of positions can begin to be decided, and to be written, before the last of them is made; and of many
operations that are carried out together only those shelves are copied that they have asked for by then.
"""

from collections.abc import Callable, Collection, Mapping

from .shelf import Shelf


def _unmakeable(position_id: int) -> Shelf:
    raise KeyError(position_id)


class Shelves(dict[int, Shelf]):
    """Shelves by position id: those that are there, and those that can be made. Only `[]` and `in` know of these."""

    def __init__(
        self,
        there: Mapping[int, Shelf] | None = None,
        *,
        makeable: Collection[int] = (),
        make: Callable[[int], Shelf] = _unmakeable,
    ) -> None:
        """`make` makes the one of a position that is `makeable`. It always makes the same, whatever has been decided since."""
        super().__init__(there or {})
        self._makeable = makeable
        self._make = make

    def __missing__(self, position_id: int) -> Shelf:
        if position_id not in self._makeable:
            raise KeyError(position_id)
        made = self[position_id] = self._make(position_id)
        return made

    def __contains__(self, position_id: object) -> bool:
        return super().__contains__(position_id) or position_id in self._makeable

    def copy(self) -> "Shelves":
        """Copies that change on their own."""
        there = {position_id: shelf.copy() for position_id, shelf in self.items()}
        return Shelves(there, makeable=self._makeable, make=self._make)
