"""Creates and describes what stock is kept of and where: locations, items, positions, and a tenant's settings.

Each call is one short transaction. Creations are operations too: they are claimed by their request id and written to
the journal under its head, which they lock before they look whether there is such a thing already. So two of them
never race. Descriptions change under their etag and an update mask; they touch no quantity and leave no movement.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, Table

from storekeeper_kit.database import Database
from storekeeper_kit.extensions import VENDORS_MAX, changed

from .domain.costs import UnitCost
from .domain.extensions import Extensions
from .domain.items import Item, Settings
from .domain.journal import Entry
from .domain.operations import ItemAtLocation
from .domain.records import Location, Position, PositionTerms
from .domain.refusals import (
    BadField,
    CurrencyFrozen,
    CurrencyMismatch,
    EtagMismatch,
    ItemArchived,
    ItemHasPositions,
    ItemHasStock,
    ItemNotFound,
    LocationInactive,
    LocationNameTaken,
    LocationNotFound,
    PositionExists,
    PositionNotFound,
    RequestIdReused,
)
from .storage import describing, locking, tables, views

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Under which request something is created, and in whose name."""

    request_id: str
    fingerprint: bytes
    actor: str

    def entry(self, kind: str, now: datetime) -> Entry:
        """The creation as the journal has it."""
        return Entry(
            request_id=self.request_id, kind=kind, fingerprint=self.fingerprint, actor=self.actor, effective_time=now
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLocation:
    """What a location is created as."""

    name: str
    active: bool = True
    extensions: Extensions = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """New values for what describes something."""

    revision: int | None
    """The one that must still be current; None for whichever is."""
    values: Mapping[str, Any]
    vendors: Collection[str] = ()
    """Whose extensions change, if not those of all."""

    def beside(self, current: Extensions, path: str) -> Mapping[str, Any]:
        """The new values, where the extensions of single vendors join those of the others."""
        if not self.vendors:
            return self.values
        joined = changed(current, self.values["extensions"], replace_all=False, vendors=self.vendors)
        if len(joined) > VENDORS_MAX:
            raise BadField(path, f"has more than {VENDORS_MAX} vendors")
        return {**self.values, "extensions": joined}


@dataclass(frozen=True, slots=True)
class Created(Generic[T]):
    """What was created, and whether an earlier request had done it."""

    resource: T
    replayed: bool


class Descriptions:
    """Locations, items, positions and settings, one transaction a call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- locations ---

    def create_location(self, tenant_id: int, claim: Claim, new: NewLocation, *, deadline: float) -> Created[Location]:
        """Create a location, or tell what the same request created before."""

        def create(connection: Connection) -> Created[Location]:
            describing.begin_tenant(connection, tenant_id)
            now = locking.lock_journal_head(connection, tenant_id)
            repeated = _repeated(connection, tenant_id, claim)
            if repeated:
                row = describing.find_row(connection, tables.location, tenant_id, operation_id=repeated)
                assert row, "what was created stays"
                return Created(describing.read_location(row), replayed=True)
            if describing.has_rows(connection, tables.location, tenant_id, name=new.name):
                raise LocationNameTaken(new.name)
            row = _insert(connection, tables.location, tenant_id, claim.entry("create_location", now), asdict(new))
            return Created(describing.read_location(row), replayed=False)

        return self._database.transact(create, deadline=deadline)

    def get_location(self, tenant_id: int, location_id: int) -> Location:
        """Read a location."""
        with self._database.read() as connection:
            row = describing.find_row(connection, tables.location, tenant_id, location_id=location_id)
        if row is None:
            raise LocationNotFound(location_id)
        return describing.read_location(row)

    def update_location(self, tenant_id: int, location_id: int, wanted: Change, *, deadline: float) -> Location:
        """Change a location's description."""

        def change(connection: Connection) -> Location:
            row = locking.lock_location(connection, tenant_id, location_id)
            if row is None:
                raise LocationNotFound(location_id)
            _check_revision("location", location_id, row.revision, wanted.revision)
            values = wanted.beside(row.extensions, "location.extensions")
            if row.active and values.get("active") is False:
                # Whoever adds stock there has finished, or will find the location inactive.
                at_location = tables.position.c.location_id == location_id
                locking.lock_positions_where(connection, tenant_id, at_location)
            _check_name(connection, tenant_id, row.name, values.get("name"))
            key = {"location_id": location_id}
            changed = describing.update_row(
                connection, tables.location, tenant_id, key, {**values, "revision": row.revision + 1}
            )
            return describing.read_location(changed)

        return self._database.transact(change, deadline=deadline)

    # --- items ---

    def register_item(self, tenant_id: int, item: Item, *, with_cost: bool = True, deadline: float) -> Item:
        """Learn of an item, or of a later version of one; an older one changes nothing.

        Without its cost, what is known of that stays: whoever registers it may not say.
        """

        def register(connection: Connection) -> Item:
            currency_code = _lock_currency(connection, tenant_id, item.standard_cost)
            row = locking.lock_item(connection, tenant_id, item.item_id)
            if row is None:
                _check_currency(currency_code, item.standard_cost)
                if describing.insert_item(connection, tenant_id, item):
                    return item
                # A twin was faster.
                row = locking.lock_item(connection, tenant_id, item.item_id)
                assert row, "items stay"
            known = None if row.forgotten else describing.read_item(row, currency_code)
            after = _news(item, known, with_cost=with_cost)
            if after is not known:
                _check_currency(currency_code, item.standard_cost)
                if known:
                    _await_those_who_count(connection, tenant_id, known, after)
                describing.update_item(connection, tenant_id, after)
            return after

        return self._database.transact(register, deadline=deadline)

    def check_item(self, tenant_id: int, item: Item, *, with_cost: bool = True) -> Item:
        """What `register_item` would answer at this moment; changes nothing, and waits for nobody."""
        with self._database.read() as connection:
            currency_code = _currency(connection, tenant_id)
            row = describing.find_row(connection, tables.item, tenant_id, item_id=item.item_id, forgotten=False)
            known = describing.read_item(row, currency_code) if row else None
            after = _news(item, known, with_cost=with_cost)
            if after is not known:
                _check_currency(currency_code, item.standard_cost)
                if known is not None and _is_counted_otherwise(after, known):
                    _check_never_stocked(connection, tenant_id, item.item_id)
        return after

    def unregister_item(self, tenant_id: int, item_id: int, *, deadline: float) -> None:
        """Forget an item that was never stocked; one that is not known is forgotten already."""

        def forget(connection: Connection) -> None:
            # Whoever opens a position for it has finished, or will find it forgotten.
            row = locking.lock_item(connection, tenant_id, item_id)
            if row is not None and not row.forgotten:
                _check_unused(connection, tenant_id, item_id)
                describing.forget_item(connection, tenant_id, item_id)

        self._database.transact(forget, deadline=deadline)

    def check_unregistering(self, tenant_id: int, item_id: int) -> None:
        """Whether `unregister_item` would refuse at this moment; changes nothing, and waits for nobody."""
        with self._database.read() as connection:
            if describing.has_rows(connection, tables.item, tenant_id, item_id=item_id, forgotten=False):
                _check_unused(connection, tenant_id, item_id)

    # --- positions ---

    def open_position(
        self, tenant_id: int, claim: Claim, pair: ItemAtLocation, terms: PositionTerms, *, deadline: float
    ) -> Created[Position]:
        """Open a position, or tell which one the same request opened before."""
        key = pair._asdict()

        def create(connection: Connection) -> Created[Position]:
            # A registration that finds the item without stock has finished, or will find this position.
            item_row = locking.lock_item(connection, tenant_id, pair.item_id)
            if item_row is None or item_row.forgotten:
                raise ItemNotFound(pair.item_id)
            location = locking.lock_location(connection, tenant_id, pair.location_id)
            if location is None:
                raise LocationNotFound(pair.location_id)
            now = locking.lock_journal_head(connection, tenant_id)
            repeated = _repeated(connection, tenant_id, claim)
            if repeated:
                row = describing.find_row(connection, views.position, tenant_id, **key, operation_id=repeated)
                assert row, "what was opened stays on record, closed or not"
                return Created(describing.read_position(row), replayed=True)
            row = describing.find_row(connection, tables.position, tenant_id, **key, close_time=None)
            if row:
                raise PositionExists(pair.item_id, pair.location_id, row.position_id)
            if not location.active:
                raise LocationInactive(pair.location_id)
            item = describing.read_item(item_row)
            if item.archived:
                raise ItemArchived(item.item_id)
            _check_terms(terms, item, given=asdict(terms))
            values = {**key, **asdict(terms), "creator": claim.actor}
            row = _insert(connection, tables.position, tenant_id, claim.entry("open_position", now), values)
            return Created(describing.read_position(row), replayed=False)

        return self._database.transact(create, deadline=deadline)

    def update_position(self, tenant_id: int, position_id: int, wanted: Change, *, deadline: float) -> Position:
        """Change a position's description."""
        key = {"position_id": position_id}

        def change(connection: Connection) -> Position:
            this_one = tables.position.c.position_id == position_id
            locking.lock_positions_where(connection, tenant_id, this_one)
            row = describing.find_row(connection, tables.position, tenant_id, **key, close_time=None)
            if row is None:
                raise PositionNotFound(position_id=position_id)
            position = describing.read_position(row)
            _check_revision("position", position_id, position.revision, wanted.revision)
            values = wanted.beside(position.terms.extensions, "position.extensions")
            item_row = describing.find_row(connection, tables.item, tenant_id, item_id=position.item_id)
            assert item_row, "items stay"
            _check_terms(replace(position.terms, **values), describing.read_item(item_row), given=values)
            values = {**values, "revision": position.revision + 1}
            describing.update_row(connection, tables.position, tenant_id, key, values)
            return describing.read_position(describing.find_row(connection, views.position, tenant_id, **key))

        return self._database.transact(change, deadline=deadline)

    # --- settings ---

    def get_settings(self, tenant_id: int) -> tuple[Settings, int]:
        """Read a tenant's settings and their revision; the defaults when it has none."""
        with self._database.read() as connection:
            row = describing.find_row(connection, tables.settings, tenant_id)
        return describing.read_settings(row) if row else (Settings(), describing.FIRST_REVISION)

    def update_settings(self, tenant_id: int, wanted: Change, *, deadline: float) -> tuple[Settings, int]:
        """Change a tenant's settings."""

        def change(connection: Connection) -> tuple[Settings, int]:
            describing.begin_tenant(connection, tenant_id)
            row = locking.lock_settings(connection, tenant_id)
            _check_revision("settings", tenant_id, row.revision, wanted.revision)
            if wanted.values.get("currency_code", row.currency_code) != row.currency_code:
                describing.drop_standard_costs(connection, tenant_id)
                _check_nothing_opened(connection, tenant_id, row.currency_code)
            values = {**wanted.values, "revision": row.revision + 1}
            return describing.read_settings(describing.update_row(connection, tables.settings, tenant_id, {}, values))

        return self._database.transact(change, deadline=deadline)


def _repeated(connection: Connection, tenant_id: int, claim: Claim) -> int | None:
    """The operation that the same request got before; None when it is the first."""
    recorded = describing.recorded_operation(connection, tenant_id, claim.request_id)
    if recorded is None:
        return None
    operation_id, fingerprint = recorded
    if fingerprint != claim.fingerprint:
        raise RequestIdReused(claim.request_id)
    return operation_id


def _insert(
    connection: Connection, table: Table, tenant_id: int, entry: Entry, values: Mapping[str, object]
) -> Row[Any]:
    numbers = describing.record_creation(connection, tenant_id, entry)
    recorded = {"operation_id": numbers.last_operation_id, "create_time": numbers.record_time}
    first = {"tenant_id": tenant_id, "revision": describing.FIRST_REVISION}
    return describing.insert_row(connection, table, {**values, **recorded, **first})


def _check_revision(resource: str, resource_id: int, current: int, wanted: int | None) -> None:
    if wanted not in {None, current}:
        raise EtagMismatch(resource, resource_id)


def _check_name(connection: Connection, tenant_id: int, current: str, wanted: object) -> None:
    """Names are given under the journal head, so that no two locations take one at once."""
    if wanted is None or wanted == current:
        return
    locking.lock_journal_head(connection, tenant_id)
    if describing.has_rows(connection, tables.location, tenant_id, name=wanted):
        raise LocationNameTaken(str(wanted))


def _news(item: Item, known: Item | None, *, with_cost: bool) -> Item:
    """What is known of an item once this was told: just what was known before, if that was not older."""
    if known is not None and item.version <= known.version:
        return known
    if with_cost:
        return item
    return replace(item, standard_cost=known.standard_cost if known else None)


def _await_those_who_count(connection: Connection, tenant_id: int, known: Item, after: Item) -> None:
    """Whoever adds stock by what was known has finished, or will find the item as it is from now on."""
    recounts, archives = _is_counted_otherwise(after, known), after.archived and not known.archived
    if recounts or archives:
        of_item = tables.position.c.item_id == after.item_id
        locking.lock_positions_where(connection, tenant_id, of_item)
    if recounts:
        _check_never_stocked(connection, tenant_id, after.item_id)


def _is_counted_otherwise(item: Item, known: Item) -> bool:
    return (item.tracking, item.quantity_scale) != (known.tracking, known.quantity_scale)


def _check_never_stocked(connection: Connection, tenant_id: int, item_id: int) -> None:
    if describing.has_rows(connection, tables.stocked_item, tenant_id, item_id=item_id):
        raise ItemHasStock(item_id)


def _check_unused(connection: Connection, tenant_id: int, item_id: int) -> None:
    """An item can be forgotten as long as nothing depends on it: no stock, no order, no open position."""
    _check_never_stocked(connection, tenant_id, item_id)
    open_positions = describing.find_rows(connection, tables.position, tenant_id, item_id=item_id, close_time=None)
    if any(position.on_order for position in open_positions):
        raise ItemHasStock(item_id)
    if open_positions:
        raise ItemHasPositions(item_id)


def _currency(connection: Connection, tenant_id: int) -> str:
    row = describing.find_row(connection, tables.settings, tenant_id)
    return row.currency_code if row else Settings().currency_code


def _lock_currency(connection: Connection, tenant_id: int, cost: UnitCost | None) -> str:
    """The currency that stock is valued in; nobody changes it while something gets a cost in it."""
    if cost is None:
        return _currency(connection, tenant_id)
    describing.begin_tenant(connection, tenant_id)
    currency_code: str = locking.share_settings(connection, tenant_id).currency_code
    return currency_code


def _check_currency(currency_code: str, cost: UnitCost | None) -> None:
    if cost is not None and cost.currency_code != currency_code:
        raise CurrencyMismatch(currency_code)


def _check_nothing_opened(connection: Connection, tenant_id: int, currency_code: str) -> None:
    """Positions are opened under the journal head, and stock needs one: so nothing is valued in the old currency."""
    locking.lock_journal_head(connection, tenant_id)
    if describing.has_rows(connection, tables.position, tenant_id):
        raise CurrencyFrozen(currency_code)


def _check_terms(terms: PositionTerms, item: Item, *, given: Mapping[str, object]) -> None:
    """Only what is given can be blamed: the scale of an item may have been lowered since the rest was accepted."""
    for name, bound in (("minimum", terms.minimum), ("maximum", terms.maximum)):
        if name in given and bound is not None and not item.measures(bound.normalize()):
            raise BadField(f"position.{name}", f"has more than the {item.quantity_scale} decimals of the item")
    if terms.maximum is not None and terms.maximum < terms.minimum:
        if "maximum" in given:
            raise BadField("position.maximum", "is less than the minimum")
        raise BadField("position.minimum", "is greater than the maximum")
