"""What the accepted operations of a batch have changed, and is to be written down."""

from dataclasses import dataclass, field

from .places import DESCRIBING, MAKING, Kind
from .stock import Movement, StockedItem


@dataclass(slots=True)
class Changes:
    """What is to be written down."""

    stocked_items: dict[int, StockedItem] = field(default_factory=dict)
    """Those that were changed, as they are now."""
    added: set[int] = field(default_factory=set)
    """Which of them are new."""
    described: set[int] = field(default_factory=set)
    """Of which of them more than units and worth has changed."""
    numbered: set[int] = field(default_factory=set)
    """Those that have brought a serial number into stock which another may have had: by a return, or a new number."""
    positions: set[int] = field(default_factory=set)
    """Those whose totals have changed."""
    opened: dict[int, int] = field(default_factory=dict)
    """Which entry has opened each of these positions."""
    closed: list[int] = field(default_factory=list)
    holdings: set[tuple[int, str, int]] = field(default_factory=set)
    """By position, demand and stocked item."""
    expectations: set[tuple[int, str]] = field(default_factory=set)
    """By position and order line."""

    def copy(self) -> "Changes":
        """A copy that changes on its own."""
        return Changes(
            dict(self.stocked_items),
            set(self.added),
            set(self.described),
            set(self.numbered),
            set(self.positions),
            dict(self.opened),
            list(self.closed),
            set(self.holdings),
            set(self.expectations),
        )

    def note(self, movement: Movement) -> None:
        """Remember what a movement has changed."""
        self.positions.add(movement.position_id)
        if movement.order_line:
            self.expectations.add((movement.position_id, movement.order_line))
        after = movement.stocked_item
        if after is None:
            return
        self.stocked_items[after.stocked_item_id] = after
        if movement.kind in MAKING:
            self.added.add(after.stocked_item_id)
        if movement.kind in DESCRIBING:
            self.described.add(after.stocked_item_id)
        if movement.kind is Kind.RETURNED and after.serial_number:
            self.number(after)
        if movement.demand:
            self.holdings.add((movement.position_id, movement.demand, after.stocked_item_id))

    def number(self, stocked_item: StockedItem) -> None:
        """Remember that a serial number has come into stock again."""
        self.described.add(stocked_item.stocked_item_id)
        self.numbered.add(stocked_item.stocked_item_id)
