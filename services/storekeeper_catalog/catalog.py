"""What can be done to items and asked of them: one transaction a call.

A change that the stock ledger must know of leaves an entry in the outbox, by the same transaction.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from storekeeper_kit import extensions
from storekeeper_kit.database import Database
from storekeeper_kit.pages import Rows
from storekeeper_kit.refusals import DeadlineExceeded

from .domain.item import Draft, Facts, Item, ItemState
from .domain.refusals import BadField, EtagMismatch, ItemNotFound, RequestIdReused, SkuTaken
from .storage import items, listing, locking, outbox
from .storage.listing import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Under which request an item is created."""

    request_id: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Created:
    """What was created, as it is now, and whether an earlier request had done it."""

    item: Item
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an update asks for: new values, and which vendors' extensions change to what is given of them."""

    item_id: int
    version: int | None
    """Which one it must still be."""
    values: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    all_extensions: bool = False
    vendors: Collection[str] = ()


class Unasked(Exception):
    """The stock ledger has to be asked before the item can become this; nothing was changed."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        super().__init__(f"item {facts.item_id}")


class Catalog:
    """A database of items."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- changes ---

    def create_item(self, tenant_id: int, claim: Claim, draft: Draft, *, deadline: float) -> Created:
        """Create an item, or tell what the same request created before."""

        def create(connection: Connection) -> Created:
            while time.monotonic() < deadline:
                holder = items.find_sku_holder(connection, tenant_id, draft.sku)
                # Looked up after the sku, which may have been given to a twin of ours a moment ago.
                repeated = _repeated(connection, tenant_id, claim)
                if repeated:
                    return Created(_read(connection, tenant_id, repeated), replayed=True)
                if holder:
                    raise SkuTaken(draft.sku, holder)
                item_id = items.insert_item(
                    connection, tenant_id, draft, request_id=claim.request_id, fingerprint=claim.fingerprint
                )
                if item_id is not None:
                    if draft.can_be_stocked:
                        outbox.enqueue(connection, tenant_id, item_id, items.FIRST_VERSION)
                    return Created(_read(connection, tenant_id, item_id), replayed=False)
                # A twin was faster. What it has done can be seen by now.
            raise DeadlineExceeded

        return self._database.transact(create, deadline=deadline)

    def update_item(self, tenant_id: int, change: Change, *, approved: Facts | None, deadline: float) -> Item:
        """Change what is known of an item.

        `approved` is what the stock ledger has been asked about, this version and no other. Raises Unasked when it has to
        be, and was not.
        """

        def update(connection: Connection) -> Item:
            before = _lock(connection, tenant_id, change.item_id, change.version)
            after = before.changed(**change.values, extensions=_extensions(before, change))
            if after.is_counted_unlike(before) and after.facts != approved:
                raise Unasked(after.facts)
            _write(connection, tenant_id, before, after, deadline=deadline)
            return _read(connection, tenant_id, change.item_id)

        return self._database.transact(update, deadline=deadline)

    def set_state(
        self, tenant_id: int, item_id: int, version: int | None, state: ItemState, *, deadline: float
    ) -> Item:
        """Archive an item or bring it back; what is there already stays as it is."""

        def update(connection: Connection) -> Item:
            before = _lock(connection, tenant_id, item_id, version)
            if before.state is not state:
                _write(connection, tenant_id, before, before.changed(state=state), deadline=deadline)
            return _read(connection, tenant_id, item_id)

        return self._database.transact(update, deadline=deadline)

    # --- reads ---

    def items_named(self, tenant_id: int, item_ids: Sequence[int], _deadline: float) -> list[Item | Exception]:
        """Items by their ids, by one statement; ItemNotFound in the place of one that isn't there."""
        found = self._by_id(tenant_id, set(item_ids))
        return [found.get(item_id) or ItemNotFound(item_id) for item_id in item_ids]

    def item_with_sku(self, tenant_id: int, sku: str) -> Item:
        """An item by its sku."""
        with self._database.read() as connection:
            found = items.find_item(connection, tenant_id, items.by_sku(sku))
        if found is None:
            raise ItemNotFound(sku=sku)
        return found

    def items(self, tenant_id: int, item_ids: Sequence[int]) -> list[Item]:
        """Items by their ids, in the order of the ids; all of them or none."""
        found = self._by_id(tenant_id, item_ids)
        for item_id in item_ids:
            if item_id not in found:
                raise ItemNotFound(item_id)
        return [found[item_id] for item_id in item_ids]

    def list_items(self, tenant_id: int, wanted: Wanted, *, counted: bool) -> Rows[Item]:
        """One page of a list. One row more than it holds is read, which tells whether another page follows."""
        with self._database.read() as connection:
            rows = listing.list_items(connection, tenant_id, replace(wanted, size=wanted.size + 1))
            total = listing.count(connection, tenant_id, wanted) if counted else 0
        return Rows(rows[: wanted.size], len(rows) > wanted.size, total)

    def _by_id(self, tenant_id: int, item_ids: Collection[int]) -> dict[int, Item]:
        with self._database.read() as connection:
            return {item.item_id: item for item in items.find_items(connection, tenant_id, item_ids)}


def _repeated(connection: Connection, tenant_id: int, claim: Claim) -> int | None:
    """The item that the same request created before; None when it is the first."""
    recorded = items.find_request(connection, tenant_id, claim.request_id)
    if recorded is None:
        return None
    item_id, fingerprint = recorded
    if fingerprint != claim.fingerprint:
        raise RequestIdReused(claim.request_id)
    return item_id


def _read(connection: Connection, tenant_id: int, item_id: int) -> Item:
    item = items.find_item(connection, tenant_id, items.by_id(item_id))
    assert item, "items stay"
    return item


def _lock(connection: Connection, tenant_id: int, item_id: int, version: int | None) -> Item:
    if not locking.lock_item(connection, tenant_id, item_id):
        raise ItemNotFound(item_id)
    # Read after the lock: another change may have come before it.
    item = _read(connection, tenant_id, item_id)
    if version not in {None, item.version}:
        raise EtagMismatch(item_id)
    return item


def _write(connection: Connection, tenant_id: int, before: Item, after: Item, *, deadline: float) -> None:
    """Write the next version of an item, and down that the ledger has to hear of it, if so."""
    if after.sku == before.sku:
        items.update_item(connection, tenant_id, after)
    else:
        _write_with_sku(connection, tenant_id, after, deadline=deadline)
    if after.is_news_after(before):
        outbox.enqueue(connection, tenant_id, after.item_id, after.version)


def _write_with_sku(connection: Connection, tenant_id: int, after: Item, *, deadline: float) -> None:
    while time.monotonic() < deadline:
        holder = items.find_sku_holder(connection, tenant_id, after.sku)
        if holder:
            raise SkuTaken(after.sku, holder)
        if items.update_item_with_sku(connection, tenant_id, after):
            return
        # A twin took the sku. Whose it is can be seen by now.
    raise DeadlineExceeded


def _extensions(item: Item, change: Change) -> extensions.Extensions:
    after = extensions.changed(
        item.extensions, change.extensions, replace_all=change.all_extensions, vendors=change.vendors
    )
    if len(after) > extensions.VENDORS_MAX:
        raise BadField("item.extensions", f"has more than {extensions.VENDORS_MAX} vendors")
    return after
