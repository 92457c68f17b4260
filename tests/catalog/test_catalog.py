"""Items are created and changed once, whoever else does the same at the same time; the outbox knows what is news."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any, Final

import pytest
from sqlalchemy import update

from storekeeper_catalog.catalog import Change, Claim, Created, Unasked
from storekeeper_catalog.domain.item import (
    Counting,
    Draft,
    Item,
    ItemState,
    ItemType,
    RegistrationState,
    Tracking,
)
from storekeeper_catalog.domain.refusals import BadField, EtagMismatch, ItemNotFound, RequestIdReused, SkuTaken
from storekeeper_catalog.storage.tables import item as table
from storekeeper_kit.database import Database
from tests.catalog.tenant import Tenant, claim, deadline

TWINS: Final = 8
ROUNDS: Final = 5
LOT: Final = Counting(Tracking.LOT, 0)


def at_once(function: Callable[[int], Any], number: int = TWINS) -> list[Any]:
    """What so many calls at the same moment come to, be it an exception."""
    together = Barrier(number)

    def call(which: int) -> Any:
        together.wait()
        try:
            return function(which)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(call, range(number)))


def _create(tenant: Tenant, under: Claim, sku: str, _: int) -> Created:
    return tenant.create("Mouse", sku=sku, under=under)


def _create_with_sku(tenant: Tenant, sku: str, _: int) -> Item:
    return tenant.item(sku=sku)


def _give_sku(tenant: Tenant, items: Sequence[Item], skus: Sequence[str], which: int) -> Item:
    return tenant.update(items[which], sku=skus[which])


class TestCreating:
    def test_an_item_is_there_and_its_registration_waits(self, tenant: Tenant) -> None:
        item = tenant.item("Mouse", sku="M")
        assert (item.name, item.sku, item.version, item.state) == ("Mouse", "M", 1, ItemState.ACTIVE)
        assert item.registration.state is RegistrationState.PENDING
        assert tenant.entries() == {item.item_id: 1}
        assert tenant.catalog.items(tenant.tenant_id, [item.item_id])[0] == item
        assert tenant.catalog.item_with_sku(tenant.tenant_id, "M") == item

    def test_an_item_is_created_archived_at_once(self, tenant: Tenant) -> None:
        item = tenant.item("Mouse", state=ItemState.ARCHIVED)
        assert (item.state, item.version) == (ItemState.ARCHIVED, 1)
        assert tenant.entries() == {item.item_id: 1}

    @pytest.mark.parametrize("kind", [ItemType.NON_INVENTORY, ItemType.SERVICE])
    def test_what_cannot_be_stocked_is_not_registered(self, tenant: Tenant, kind: ItemType) -> None:
        assert tenant.item(type=kind).registration.state is RegistrationState.NOT_NEEDED
        assert tenant.entries() == {}

    def test_a_repeat_is_answered_with_the_item_as_it_is_now(self, tenant: Tenant) -> None:
        draft = Draft(name="Mouse", sku="M")
        under = claim(draft)
        first = tenant.create("Mouse", sku="M", under=under)
        renamed = tenant.update(first.item, name="Keyboard")
        again = tenant.create("Mouse", sku="M", under=under)
        assert (first.replayed, again.replayed) == (False, True)
        assert again.item == renamed

    def test_another_request_under_the_same_id_is_refused(self, tenant: Tenant) -> None:
        under = claim(Draft(name="Mouse"))
        tenant.create("Mouse", under=under)
        with pytest.raises(RequestIdReused):
            tenant.create("Keyboard", under=replace(under, fingerprint=claim(Draft(name="Keyboard")).fingerprint))

    @pytest.mark.parametrize("sku", ["", "M"])
    def test_twins_in_flight_create_one_item(self, tenant: Tenant, sku: str) -> None:
        for _ in range(ROUNDS):
            number = len(tenant.entries())
            taken = f"{sku}{number}" if sku else ""
            under = claim(Draft(name="Mouse", sku=taken))
            created = at_once(partial(_create, tenant, under, taken))
            assert sorted(one.replayed for one in created) == [False] + [True] * (TWINS - 1)
            assert len({one.item.item_id for one in created}) == 1
            assert len(tenant.entries()) == number + 1


class TestSkus:
    def test_a_sku_is_given_once_in_a_race(self, tenant: Tenant) -> None:
        for number in range(ROUNDS):
            sku = f"M{number}"
            outcomes = at_once(partial(_create_with_sku, tenant, sku))
            (winner,) = (one for one in outcomes if isinstance(one, Item))
            losers = [one for one in outcomes if one is not winner]
            assert {(type(one), one.sku, one.item_id) for one in losers} == {(SkuTaken, sku, winner.item_id)}

    def test_a_sku_is_taken_over_once_in_a_race(self, tenant: Tenant) -> None:
        for number in range(ROUNDS):
            sku = f"M{number}"
            rivals = [tenant.item() for _ in range(TWINS)]
            outcomes = at_once(partial(_give_sku, tenant, rivals, [sku] * TWINS))
            (winner,) = (one for one in outcomes if isinstance(one, Item))
            losers = [one for one in outcomes if one is not winner]
            assert {(type(one), one.sku, one.item_id) for one in losers} == {(SkuTaken, sku, winner.item_id)}

    def test_two_items_that_want_each_other_s_sku_are_told_and_never_meet_a_deadlock(self, tenant: Tenant) -> None:
        for number in range(ROUNDS):
            pair = [tenant.item(sku=f"{name}{number}") for name in "AB"]
            outcomes = at_once(partial(_give_sku, tenant, pair, [pair[1].sku, pair[0].sku]), number=2)
            assert {type(one) for one in outcomes} == {SkuTaken}

    def test_a_sku_that_was_given_up_is_free(self, tenant: Tenant) -> None:
        first = tenant.item(sku="M")
        tenant.update(first, sku="")
        assert tenant.item(sku="M").item_id != first.item_id

    def test_case_counts_and_items_may_do_without(self, tenant: Tenant) -> None:
        for sku in ("m", "M", "", ""):
            tenant.item(sku=sku)
        with pytest.raises(ItemNotFound):
            tenant.catalog.item_with_sku(tenant.tenant_id, "")

    def test_another_tenant_may_have_the_same(self, tenant: Tenant, database: Any) -> None:
        other = Tenant(database)
        assert tenant.item(sku="M").item_id != other.item(sku="M").item_id


class TestChanging:
    def test_an_older_version_is_refused(self, tenant: Tenant) -> None:
        item = tenant.item()
        tenant.update(item, name="Mouse")
        with pytest.raises(EtagMismatch):
            tenant.update(item, name="Keyboard")

    def test_without_a_version_the_last_one_wins(self, tenant: Tenant) -> None:
        item = tenant.item()
        tenant.update(item, name="Mouse")
        change = Change(item_id=item.item_id, version=None, values={"name": "Keyboard"})
        assert (
            tenant.catalog.update_item(tenant.tenant_id, change, approved=None, deadline=deadline()).name == "Keyboard"
        )

    def test_the_time_of_a_change_is_never_before_that_of_the_one_before_it(
        self, tenant: Tenant, database: Database
    ) -> None:
        item = tenant.item()
        ahead = item.update_time + timedelta(hours=1)
        with database.begin() as connection:
            # As if the clock had been turned back since.
            connection.execute(update(table).where(table.c.item_id == item.item_id).values(update_time=ahead))
        assert tenant.update(item, name="Mouse").update_time == ahead

    def test_of_twins_with_one_etag_one_goes_through(self, tenant: Tenant) -> None:
        item = tenant.item()
        outcomes = at_once(lambda which: tenant.update(item, name=f"Mouse {which}"))
        (winner,) = (one for one in outcomes if isinstance(one, Item))
        assert {type(one) for one in outcomes} == {Item, EtagMismatch}
        assert tenant.catalog.items(tenant.tenant_id, [item.item_id])[0] == winner

    def test_what_the_ledger_keeps_is_asked_for_before_anything_changes(self, tenant: Tenant) -> None:
        item = tenant.item()
        with pytest.raises(Unasked) as unasked:
            tenant.update(item, tracking=Tracking.LOT)
        assert unasked.value.facts.counting == LOT
        assert tenant.catalog.items(tenant.tenant_id, [item.item_id])[0] == item
        changed = tenant.update(item, approved=unasked.value.facts, tracking=Tracking.LOT)
        assert tenant.entries() == {item.item_id: changed.version}

    def test_an_answer_to_another_question_does_not_count(self, tenant: Tenant) -> None:
        item = tenant.item()
        with pytest.raises(Unasked) as unasked:
            tenant.update(item, tracking=Tracking.LOT)
        with pytest.raises(Unasked):
            tenant.update(item, approved=unasked.value.facts, tracking=Tracking.SERIAL)

    def test_nor_does_one_about_an_earlier_version(self, tenant: Tenant) -> None:
        item = tenant.item()
        with pytest.raises(Unasked) as unasked:
            tenant.update(item, tracking=Tracking.LOT)
        renamed = tenant.update(item, name="Mouse")
        with pytest.raises(Unasked):
            tenant.update(renamed, approved=unasked.value.facts, tracking=Tracking.LOT)

    def test_what_cannot_be_stocked_needs_no_asking(self, tenant: Tenant) -> None:
        service = tenant.item(type=ItemType.SERVICE)
        assert tenant.update(service, tracking=Tracking.LOT).counting == LOT
        assert tenant.entries() == {}

    def test_more_vendors_than_may_be_are_refused_though_each_call_brings_few(self, tenant: Tenant) -> None:
        vendors = [f"vendor_{number}" for number in range(10)]
        item = tenant.item(extensions={vendor: {"id": 1} for vendor in vendors})
        change = Change(item_id=item.item_id, version=None, extensions={"another": {}}, vendors=["another"])
        with pytest.raises(BadField) as refused:
            tenant.catalog.update_item(tenant.tenant_id, change, approved=None, deadline=deadline())
        assert refused.value.field == "item.extensions"


class TestArchiving:
    def test_the_ledger_hears_of_the_new_version(self, tenant: Tenant) -> None:
        item = tenant.item()
        archived = tenant.archive(item)
        assert (archived.state, archived.version) == (ItemState.ARCHIVED, 2)
        assert tenant.entries() == {item.item_id: 2}

    def test_a_second_time_changes_nothing(self, tenant: Tenant) -> None:
        archived = tenant.archive(tenant.item())
        assert tenant.archive(archived) == archived

    def test_what_is_not_there_is_refused(self, tenant: Tenant) -> None:
        with pytest.raises(ItemNotFound):
            tenant.catalog.set_state(tenant.tenant_id, 99_999_999, None, ItemState.ARCHIVED, deadline=deadline())


def test_items_come_in_the_order_that_they_were_asked_for(tenant: Tenant) -> None:
    items = [tenant.item(name) for name in "abc"]
    wanted = [items[2], items[0], items[1]]
    assert tenant.catalog.items(tenant.tenant_id, [item.item_id for item in wanted]) == wanted
    with pytest.raises(ItemNotFound) as missing:
        tenant.catalog.items(tenant.tenant_id, [items[0].item_id, 99_999_999])
    assert missing.value.item_id == 99_999_999
