"""One tenant of a ledger on a real database, without a server: the operations themselves, and what they left."""

import time
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final
from uuid import UUID

from storekeeper_kit.coalescer import Postponed
from storekeeper_kit.database import Database
from storekeeper_stockledger.batch import Asked, Outcome, Recorded
from storekeeper_stockledger.descriptions import Change, Claim, Created, Descriptions, NewLocation
from storekeeper_stockledger.domain.extensions import Extensions
from storekeeper_stockledger.domain.items import Item, Settings, Tracking
from storekeeper_stockledger.domain.journal import RecordedMovement
from storekeeper_stockledger.domain.operations import (
    OPERATION_KINDS,
    AllOrNone,
    ItemAtLocation,
    Operation,
    StockOrder,
    Submission,
    fingerprint,
)
from storekeeper_stockledger.domain.records import Location, Position, PositionTerms
from storekeeper_stockledger.domain.stock import StockedItem
from storekeeper_stockledger.ledger import Ledger
from storekeeper_stockledger.reads import Reads
from storekeeper_stockledger.storage import describing, tables
from storekeeper_stockledger.storage.listing import MovementFilter, Page, StockedItemFilter
from tests.stockledger.verbs import Number, adding

TIMEOUT_S: Final = 10.0
ALL: Final = Page(10_000, None)
NO_EXTENSIONS: Final[Extensions] = {}

OLDEST_FIRST: Final = StockOrder.OLDEST_FIRST

# Far from the numbers that clients of a server are given.
_tenants = count(1_000_000)
_request_ids = count(1)


class Tenant:
    """A tenant that has nothing yet."""

    def __init__(self, database: Database) -> None:
        self.tenant_id = next(_tenants)
        self._database = database
        self.ledger = Ledger(database)
        self.descriptions = Descriptions(database)
        self.reads = Reads(database)

    # --- what stock is kept of ---

    def item(
        self,
        item_id: int = 1,
        *,
        version: int = 1,
        tracking: Tracking = Tracking.NONE,
        scale: int = 0,
        archived: bool = False,
    ) -> Item:
        """Register an item."""
        item = Item(item_id, version, tracking, scale, archived)
        return self.descriptions.register_item(self.tenant_id, item, deadline=deadline())

    def location(self, name: str = "Main") -> int:
        """Create a location."""
        return self.create_location(name).resource.location_id

    def create_location(
        self, name: str, *, active: bool = True, extensions: Extensions = NO_EXTENSIONS, under: Claim | None = None
    ) -> Created[Location]:
        """Create a location, under a new request id unless one is given."""
        claimed = under or claim("create_location", name)
        new = NewLocation(name=name, active=active, extensions=extensions)
        return self.descriptions.create_location(self.tenant_id, claimed, new, deadline=deadline())

    def update_location(
        self, location_id: int, *, revision: int | None = None, vendors: Collection[str] = (), **values: object
    ) -> Location:
        """Change a location's description."""
        wanted = Change(revision, values, vendors)
        return self.descriptions.update_location(self.tenant_id, location_id, wanted, deadline=deadline())

    def position(self, item_id: int, location_id: int) -> int:
        """Open a position."""
        return self.open_position(item_id, location_id).resource.position_id

    def open_position(
        self, item_id: int, location_id: int, *, under: Claim | None = None, **terms: Any
    ) -> Created[Position]:
        """Open a position on these terms, under a new request id unless one is given."""
        pair, wanted = ItemAtLocation(item_id, location_id), PositionTerms(**terms)
        claimed = under or claim("open_position", pair, wanted)
        return self.descriptions.open_position(self.tenant_id, claimed, pair, wanted, deadline=deadline())

    def update_position(
        self, position_id: int, *, revision: int | None = None, vendors: Collection[str] = (), **values: object
    ) -> Position:
        """Change a position's description."""
        wanted = Change(revision, values, vendors)
        return self.descriptions.update_position(self.tenant_id, position_id, wanted, deadline=deadline())

    def update_settings(self, *, revision: int | None = None, **values: object) -> tuple[Settings, int]:
        """Change the tenant's settings."""
        return self.descriptions.update_settings(self.tenant_id, Change(revision, values), deadline=deadline())

    def positions(
        self, number: int = 1, *, tracking: Tracking = Tracking.NONE, scale: int = 0, location: str = "Main"
    ) -> list[int]:
        """Positions of that many new items, counted from 1, at one new location."""
        location_id = self.location(location)
        return [
            self.position(self.item(item_id, tracking=tracking, scale=scale).item_id, location_id)
            for item_id in range(1, number + 1)
        ]

    # --- changing it ---

    def apply(self, *asked: Asked) -> list[Outcome]:
        """Apply a batch, and what it has no room for in further ones, as a coalescer does."""
        outcomes: list[Outcome] = []
        give_up = deadline()
        while len(outcomes) < len(asked):
            assert time.monotonic() < give_up, "postponed again and again"
            applied = self.ledger.apply(self.tenant_id, asked[len(outcomes) :], give_up)
            outcomes += (outcome for outcome in applied if not isinstance(outcome, Postponed))
        return outcomes

    def ask(self, *operations: Operation) -> list[Outcome]:
        """Apply operations in one batch, each for itself."""
        return self.apply(*map(submission, operations))

    def apply_together(self, *operations: Operation) -> tuple[Recorded, ...] | Exception:
        """Apply operations that are carried out together or not at all."""
        asked = AllOrNone(tuple(map(submission, operations)))
        (outcome,) = self.ledger.apply(self.tenant_id, [asked], deadline())
        assert not isinstance(outcome, Recorded)
        return outcome

    def carry_out(self, operation: Operation) -> Recorded:
        """Apply one operation, which must not be refused."""
        return accepted(self.apply(submission(operation)))[0]

    def stock(self, position_id: int, quantities: Iterable[Number], *, first: datetime | None = None) -> list[int]:
        """Add stocked items of these quantities, in one batch, and return their ids."""
        return self.bring(*(adding(position_id, quantity, receive_time=first) for quantity in quantities))

    def bring(self, *operations: Operation) -> list[int]:
        """Apply operations that make stocked items, in one batch, and return their ids."""
        recorded = accepted(self.apply(*map(submission, operations)))
        return [stocked_item_id for one in recorded for stocked_item_id, _ in drawn(one)]

    # --- looking at it ---

    def stocked_items(self, position_id: int) -> list[StockedItem]:
        """All stocked items of a position, oldest first."""
        wanted = StockedItemFilter(position_id=position_id)
        return list(self.reads.stocked_items(self.tenant_id, ALL, wanted).rows)

    def layers(self, position_id: int) -> list[Decimal | int]:
        """What is available of each, oldest first."""
        return [stocked_item.available for stocked_item in self.stocked_items(position_id)]

    def movements(self) -> list[RecordedMovement]:
        """All movements, in their order."""
        return list(self.reads.movements(self.tenant_id, ALL, MovementFilter()).rows)

    def has_journal(self) -> bool:
        """Whether anything was ever recorded, or could have been."""
        with self._database.read() as connection:
            return describing.has_rows(connection, tables.journal_head, self.tenant_id)


def deadline(timeout_s: float = TIMEOUT_S) -> float:
    """So many seconds from now, on the monotonic clock."""
    return time.monotonic() + timeout_s


def request_id() -> str:
    """Another one, the same in every run."""
    return str(UUID(int=next(_request_ids), version=4))


def claim(kind: str, *contents: object) -> Claim:
    """Under which something is created."""
    return Claim(request_id=request_id(), fingerprint=fingerprint(kind, *contents), actor="tester")


def submission(operation: Operation, *, under: str | None = None, validate_only: bool = False) -> Submission:
    """An operation as a caller submits it, under a new request id unless one is given."""
    return Submission(
        request_id=under or request_id(),
        fingerprint=fingerprint(OPERATION_KINDS[type(operation)], operation),
        operation=operation,
        actor="tester",
        validate_only=validate_only,
    )


def accepted(outcomes: Iterable[Outcome]) -> list[Recorded]:
    """The outcomes, none of which may be a refusal."""
    recorded = []
    for outcome in outcomes:
        assert isinstance(outcome, Recorded), repr(outcome)
        recorded.append(outcome)
    return recorded


def drawn(recorded: Recorded) -> list[tuple[int, Decimal | int]]:
    """What was taken from which stocked item."""
    return [(one.stocked_item_id, one.quantity) for one in recorded.movements if one.stocked_item_id is not None]
