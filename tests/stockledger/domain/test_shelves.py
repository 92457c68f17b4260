"""Shelves that are made when they are first asked for."""

import pytest

from storekeeper_stockledger.domain.shelf import Shelf
from storekeeper_stockledger.domain.shelves import Shelves
from tests.stockledger.domain.shelves import layer, shelf


class TestMakeable:
    """Of three positions one is there, one can be made, and one is unknown."""

    THERE, MAKEABLE, UNKNOWN = 1, 2, 3

    @pytest.fixture
    def made(self) -> list[int]:
        """Which were made, in turn."""
        return []

    @pytest.fixture
    def shelves(self, made: list[int]) -> Shelves:
        """The three."""

        def make(position_id: int) -> Shelf:
            made.append(position_id)
            return shelf(layer(position_id, 5), position_id=position_id)

        return Shelves({self.THERE: shelf(position_id=self.THERE)}, makeable={self.MAKEABLE}, make=make)

    def test_is_made_once(self, shelves: Shelves, made: list[int]) -> None:
        assert shelves[self.MAKEABLE] is shelves[self.MAKEABLE]
        assert made == [self.MAKEABLE]

    def test_is_there_before_it_is_made(self, shelves: Shelves, made: list[int]) -> None:
        assert [one in shelves for one in (self.THERE, self.MAKEABLE, self.UNKNOWN)] == [True, True, False]
        assert not made

    def test_what_cannot_be_made_is_not_there(self, shelves: Shelves, made: list[int]) -> None:
        with pytest.raises(KeyError):
            shelves[self.UNKNOWN]
        assert not made

    def test_a_copy_changes_on_its_own(self, shelves: Shelves, made: list[int]) -> None:
        before = shelves.copy()
        shelves[self.MAKEABLE].put(layer(self.MAKEABLE, 3))
        between = shelves.copy()
        shelves[self.MAKEABLE].put(layer(self.MAKEABLE, 1))
        left = [one[self.MAKEABLE][self.MAKEABLE].available for one in (before, between, shelves)]
        assert left == [5, 3, 1]
        assert made == [self.MAKEABLE, self.MAKEABLE], "the first copy was taken before it was made"


def test_what_cannot_be_made_at_all() -> None:
    assert 1 not in Shelves()
    with pytest.raises(KeyError):
        Shelves()[1]
