"""Locations, items, positions and settings on a real database: created once, described under etags, frozen by stock."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from storekeeper_kit.database import Database
from storekeeper_stockledger import descriptions
from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.items import Item, Settings, Tracking
from storekeeper_stockledger.domain.operations import Operation
from storekeeper_stockledger.domain.refusals import (
    BadField,
    CurrencyFrozen,
    EtagMismatch,
    ItemArchived,
    ItemHasStock,
    ItemNotFound,
    LocationInactive,
    LocationNameTaken,
    LocationNotFound,
    PositionExists,
    PositionNotFound,
    Refused,
    RequestIdReused,
)
from storekeeper_stockledger.storage import describing
from storekeeper_stockledger.storage.describing import FIRST_REVISION
from storekeeper_stockledger.storage.recording import Recording
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant, claim, submission
from tests.stockledger.verbs import adding, closing, picking, removing, reserving, transferring

# Long enough for whoever doesn't wait to be done, even on a busy machine.
WAITING_S = 0.3
TIMEOUT_S = 10.0
AT_ONCE = 6


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as executor:
        yield executor


def at_once(threads: ThreadPoolExecutor, *calls: Callable[[], Any]) -> list[Any]:
    """What becomes of calls that come together."""
    futures = [threads.submit(call) for call in calls]
    return [outcome(future) for future in futures]


def outcome(future: Future[Any]) -> Any:
    """What became of a call: its answer or its refusal."""
    try:
        return future.result(TIMEOUT_S)
    except Refused as refusal:
        return refusal


def waits(future: Future[Any]) -> bool:
    """Whether a call is still waiting for somebody."""
    try:
        future.result(WAITING_S)
    except TimeoutError:
        return True
    return False


class TestLocations:
    def test_a_new_location_is_active_and_is_found(self, tenant: Tenant) -> None:
        created = tenant.create_location("Main")
        assert (created.resource.name, created.resource.active, created.replayed) == ("Main", True, False)
        assert tenant.descriptions.get_location(tenant.tenant_id, created.resource.location_id) == created.resource

    def test_a_location_is_created_inactive_at_once(self, tenant: Tenant) -> None:
        created = tenant.create_location("Main", active=False)
        assert (created.resource.active, created.resource.revision) == (False, describing.FIRST_REVISION)
        assert tenant.descriptions.get_location(tenant.tenant_id, created.resource.location_id) == created.resource

    def test_a_repeat_is_told_what_was_created_as_it_is_by_now(self, tenant: Tenant) -> None:
        under = claim("create_location", "Main")
        first = tenant.create_location("Main", under=under)
        tenant.update_location(first.resource.location_id, name="Renamed")
        again = tenant.create_location("Main", under=under)
        assert again.replayed
        assert (again.resource.location_id, again.resource.name) == (first.resource.location_id, "Renamed")

    def test_a_request_id_with_another_name_is_refused(self, tenant: Tenant) -> None:
        first, other = claim("create_location", "Main"), claim("create_location", "Other")
        tenant.create_location("Main", under=first)
        reused = descriptions.Claim(request_id=first.request_id, fingerprint=other.fingerprint, actor="tester")
        with pytest.raises(RequestIdReused):
            tenant.create_location("Other", under=reused)

    def test_a_request_id_is_used_up_for_changes_of_stock_too(self, tenant: Tenant) -> None:
        under = claim("create_location", "Main")
        tenant.create_location("Main", under=under)
        (position_id,) = tenant.positions(location="Second")
        (refused,) = tenant.apply(submission(adding(position_id), under=under.request_id))
        assert isinstance(refused, RequestIdReused)

    def test_a_name_is_given_once(self, tenant: Tenant, dump: Dump) -> None:
        tenant.location("Main")
        before = dump()
        with pytest.raises(LocationNameTaken) as refusal:
            tenant.location("Main")
        assert refusal.value.name == "Main"
        assert dump() == before

    def test_names_differ_by_letter_case_and_belong_to_a_tenant(self, tenant: Tenant, database: Database) -> None:
        assert tenant.location("Main") != tenant.location("main") != Tenant(database).location("Main")

    def test_of_two_creations_of_one_name_at_once_one_succeeds(
        self, tenant: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        outcomes = at_once(threads, *[lambda: tenant.create_location("Main")] * AT_ONCE)
        assert sum(isinstance(one, LocationNameTaken) for one in outcomes) == AT_ONCE - 1

    def test_twins_at_once_create_one_location(self, tenant: Tenant, threads: ThreadPoolExecutor) -> None:
        under = claim("create_location", "Main")
        created = at_once(threads, *[lambda: tenant.create_location("Main", under=under)] * AT_ONCE)
        assert len({one.resource.location_id for one in created}) == 1
        assert sorted(one.replayed for one in created) == [False] + [True] * (AT_ONCE - 1)

    def test_an_update_changes_what_it_names_and_the_etag(self, tenant: Tenant) -> None:
        created = tenant.create_location("Main").resource
        renamed = tenant.update_location(created.location_id, name="Yard", revision=created.revision)
        assert (renamed.name, renamed.active) == ("Yard", True)
        assert renamed.revision != created.revision
        assert renamed.create_time == created.create_time
        inactive = tenant.update_location(created.location_id, active=False)
        assert (inactive.name, inactive.active) == ("Yard", False)

    def test_an_update_of_what_has_changed_since_is_refused(self, tenant: Tenant, dump: Dump) -> None:
        location_id = tenant.location()
        tenant.update_location(location_id, name="Yard", revision=FIRST_REVISION)
        before = dump()
        with pytest.raises(EtagMismatch) as refusal:
            tenant.update_location(location_id, name="Shed", revision=FIRST_REVISION)
        assert (refusal.value.resource, refusal.value.resource_id) == ("location", location_id)
        assert dump() == before

    def test_of_two_updates_under_one_etag_at_once_one_succeeds(
        self, tenant: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        location_id = tenant.location()
        outcomes = at_once(
            threads,
            lambda: tenant.update_location(location_id, name="Yard", revision=FIRST_REVISION),
            lambda: tenant.update_location(location_id, name="Shed", revision=FIRST_REVISION),
        )
        assert sum(isinstance(one, EtagMismatch) for one in outcomes) == 1

    def test_a_name_is_taken_by_renaming_too(self, tenant: Tenant, threads: ThreadPoolExecutor) -> None:
        first, second = tenant.location("first"), tenant.location("second")
        outcomes = at_once(
            threads,
            lambda: tenant.update_location(first, name="Main"),
            lambda: tenant.update_location(second, name="Main"),
            lambda: tenant.location("Main"),
        )
        assert sum(isinstance(one, LocationNameTaken) for one in outcomes) == 2

    def test_a_location_may_keep_its_name(self, tenant: Tenant) -> None:
        location_id = tenant.location("Main")
        assert tenant.update_location(location_id, name="Main").name == "Main"

    def test_what_is_not_there_is_told(self, tenant: Tenant, database: Database) -> None:
        elsewhere = Tenant(database).location()
        with pytest.raises(LocationNotFound):
            tenant.descriptions.get_location(tenant.tenant_id, elsewhere)
        with pytest.raises(LocationNotFound) as refusal:
            tenant.update_location(elsewhere, name="Mine")
        assert refusal.value.location_id == elsewhere


class TestItems:
    def test_an_item_is_known_once_it_is_registered(self, tenant: Tenant) -> None:
        assert tenant.item(7, version=3, scale=2) == Item(7, 3, Tracking.NONE, 2)

    def test_a_newer_version_replaces_the_one_known(self, tenant: Tenant) -> None:
        tenant.item(7, version=3)
        assert tenant.item(7, version=4, tracking=Tracking.SERIAL) == Item(7, 4, Tracking.SERIAL, 0)

    @pytest.mark.parametrize("version", [1, 2, 3])
    def test_a_version_that_is_not_newer_changes_nothing(self, tenant: Tenant, dump: Dump, version: int) -> None:
        tenant.item(7, version=3, scale=2)
        before = dump()
        assert tenant.item(7, version=version, scale=5) == Item(7, 3, Tracking.NONE, 2)
        assert dump() == before

    def test_of_versions_that_come_at_once_the_newest_stays(self, tenant: Tenant, threads: ThreadPoolExecutor) -> None:
        at_once(threads, *(partial(tenant.item, 7, version=version) for version in (5, 2, 6, 1, 4, 3)))
        assert tenant.item(7, version=1).version == 6

    @pytest.mark.parametrize("change", [{"tracking": Tracking.LOT}, {"scale": 1}])
    def test_tracking_and_scale_are_frozen_once_stocked_though_nothing_is_left(
        self, tenant: Tenant, dump: Dump, change: dict[str, Any]
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1])
        tenant.carry_out(removing(position_id, 1))
        before = dump()
        with pytest.raises(ItemHasStock) as refusal:
            tenant.item(1, version=2, **change)
        assert refusal.value.item_id == 1
        assert dump() == before

    def test_tracking_and_scale_may_change_until_then(self, tenant: Tenant) -> None:
        tenant.positions()
        assert tenant.item(1, version=2, scale=3).quantity_scale == 3

    def test_a_stocked_item_may_have_newer_versions_that_leave_them(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1])
        assert tenant.item(1, version=2).version == 2

    def test_a_registration_waits_for_the_first_stock_that_is_being_added(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (position_id,) = tenant.positions()
        registrations: list[Future[Item]] = []
        finish = Recording.finish

        def registering_meanwhile(*args: Any) -> Any:
            registrations.append(threads.submit(tenant.item, 1, version=2, scale=3))
            assert waits(registrations[0])
            return finish(*args)

        monkeypatch.setattr(Recording, "finish", registering_meanwhile)
        tenant.stock(position_id, [1])
        assert isinstance(outcome(registrations[0]), ItemHasStock)

    def test_a_position_waits_for_its_items_registration(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise its first stock could come in by the old rules, behind the back of the registration's check."""
        item_id, location_id = tenant.item().item_id, tenant.location()
        openings: list[Future[Any]] = []
        check = descriptions._check_never_stocked

        def opening_meanwhile(*args: Any) -> None:
            check(*args)
            openings.append(threads.submit(tenant.open_position, item_id, location_id, minimum=Decimal("0.5")))
            assert waits(openings[0])

        monkeypatch.setattr(descriptions, "_check_never_stocked", opening_meanwhile)
        tenant.item(item_id, version=2, scale=1)
        # By the new rules, half a unit can be asked for.
        assert outcome(openings[0]).resource.terms.minimum == Decimal("0.5")


class TestPositions:
    def test_a_position_is_opened_on_its_terms(self, tenant: Tenant) -> None:
        item_id, location_id = tenant.item(scale=1).item_id, tenant.location()
        terms: dict[str, Any] = {"bin": "A1", "reference_number": "7", "minimum": Decimal("0.5"), "maximum": Decimal(9)}
        opened = tenant.open_position(item_id, location_id, **terms).resource
        assert (opened.item_id, opened.location_id, opened.totals.on_hand) == (item_id, location_id, Decimal(0))
        assert {name: getattr(opened.terms, name) for name in terms} == terms
        assert opened.creator == "tester"

    def test_a_repeat_is_told_what_was_opened_as_it_is_by_now(self, tenant: Tenant) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        under = claim("open_position", item_id)
        first = tenant.open_position(item_id, location_id, under=under).resource
        tenant.stock(first.position_id, [5])
        tenant.update_location(location_id, active=False)
        again = tenant.open_position(item_id, location_id, under=under)
        assert again.replayed
        assert again.resource.position_id == first.position_id
        assert again.resource.totals.available == 5

    def test_an_item_has_one_position_at_a_location(self, tenant: Tenant, dump: Dump) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        position_id = tenant.position(item_id, location_id)
        before = dump()
        with pytest.raises(PositionExists) as refusal:
            tenant.position(item_id, location_id)
        assert refusal.value.position_id == position_id
        assert dump() == before
        assert tenant.position(item_id, tenant.location("Second")) != position_id

    def test_of_two_openings_at_once_one_succeeds(self, tenant: Tenant, threads: ThreadPoolExecutor) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        outcomes = at_once(threads, *[lambda: tenant.open_position(item_id, location_id)] * AT_ONCE)
        assert sum(isinstance(one, PositionExists) for one in outcomes) == AT_ONCE - 1

    def test_twins_at_once_open_one_position(self, tenant: Tenant, threads: ThreadPoolExecutor) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        under = claim("open_position", item_id)
        opened = at_once(threads, *[lambda: tenant.open_position(item_id, location_id, under=under)] * AT_ONCE)
        assert len({one.resource.position_id for one in opened}) == 1

    def test_what_is_not_there_is_told(self, tenant: Tenant) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        with pytest.raises(ItemNotFound):
            tenant.position(item_id + 1, location_id)
        with pytest.raises(LocationNotFound):
            tenant.position(item_id, location_id + 1)
        with pytest.raises(PositionNotFound):
            tenant.update_position(1_000_000_000, bin="A1")

    def test_nothing_is_opened_at_an_inactive_location(self, tenant: Tenant) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        tenant.update_location(location_id, active=False)
        with pytest.raises(LocationInactive):
            tenant.position(item_id, location_id)

    @pytest.mark.parametrize(
        ("terms", "field"),
        [
            ({"minimum": Decimal("0.55")}, "position.minimum"),
            ({"maximum": Decimal("0.55")}, "position.maximum"),
            ({"minimum": Decimal(2), "maximum": Decimal("1.9")}, "position.maximum"),
        ],
    )
    def test_bounds_are_in_order_and_have_the_items_decimals(
        self, tenant: Tenant, terms: dict[str, Any], field: str
    ) -> None:
        item_id, location_id = tenant.item(scale=1).item_id, tenant.location()
        with pytest.raises(BadField) as refusal:
            tenant.open_position(item_id, location_id, **terms)
        assert refusal.value.field == field
        position_id = tenant.position(item_id, location_id)
        with pytest.raises(BadField) as refusal:
            tenant.update_position(position_id, **terms)
        assert refusal.value.field == field

    def test_an_update_is_checked_against_the_bound_that_stays(self, tenant: Tenant) -> None:
        opened = tenant.open_position(tenant.item().item_id, tenant.location(), minimum=Decimal(2), maximum=Decimal(4))
        position_id = opened.resource.position_id
        for bound, value in (("minimum", Decimal(5)), ("maximum", Decimal(1))):
            terms: dict[str, Any] = {bound: value}
            with pytest.raises(BadField) as refusal:
                tenant.update_position(position_id, **terms)
            assert refusal.value.field == f"position.{bound}"
        changed = tenant.update_position(position_id, minimum=Decimal(5), maximum=None, bin="B2")
        assert (changed.terms.minimum, changed.terms.maximum, changed.terms.bin) == (Decimal(5), None, "B2")

    def test_the_etag_changes_with_the_description_and_not_with_stock(self, tenant: Tenant) -> None:
        opened = tenant.open_position(tenant.item().item_id, tenant.location()).resource
        tenant.stock(opened.position_id, [5])
        changed = tenant.update_position(opened.position_id, bin="A1", revision=opened.revision)
        assert changed.totals.available == 5
        with pytest.raises(EtagMismatch) as refusal:
            tenant.update_position(opened.position_id, bin="A2", revision=opened.revision)
        assert (refusal.value.resource, refusal.value.resource_id) == ("position", opened.position_id)

    def test_an_update_waits_for_stock_that_is_being_changed(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (position_id,) = tenant.positions()
        updates: list[Future[Any]] = []
        finish = Recording.finish

        def updating_meanwhile(*args: Any) -> Any:
            updates.append(threads.submit(tenant.update_position, position_id, bin="A1"))
            assert waits(updates[0])
            return finish(*args)

        monkeypatch.setattr(Recording, "finish", updating_meanwhile)
        tenant.stock(position_id, [5])
        updated = outcome(updates[0])
        assert (updated.terms.bin, updated.totals.available) == ("A1", 5)


class TestDeactivation:
    def test_stock_comes_into_no_inactive_location(self, tenant: Tenant) -> None:
        location_id = tenant.location()
        position_id = tenant.position(tenant.item().item_id, location_id)
        tenant.update_location(location_id, active=False)
        (refused,) = tenant.apply(submission(adding(position_id)))
        assert isinstance(refused, LocationInactive)
        tenant.update_location(location_id, active=True)
        tenant.stock(position_id, [5])

    def test_what_is_there_is_removed_only_if_the_tenant_allows_it_and_can_always_be_taken_elsewhere(
        self, tenant: Tenant
    ) -> None:
        location_id, elsewhere = tenant.location(), tenant.location("Elsewhere")
        position_id = tenant.position(tenant.item().item_id, location_id)
        tenant.stock(position_id, [5])
        tenant.update_location(location_id, active=False)
        leaving: list[Operation] = [
            removing(position_id),
            reserving(position_id),
            picking(position_id, 1),
            closing(position_id),
        ]
        refused = tenant.apply(*map(submission, leaving))
        assert [type(outcome) for outcome in refused] == [LocationInactive] * len(leaving)
        tenant.carry_out(transferring(position_id, elsewhere, 3))
        tenant.update_settings(inactive_location_removal_allowed=True)
        tenant.carry_out(removing(position_id, 2))
        assert tenant.layers(position_id) == [0]

    def test_it_waits_for_additions_under_way(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        location_id = tenant.location()
        position_id = tenant.position(tenant.item().item_id, location_id)
        deactivations: list[Future[Any]] = []
        finish = Recording.finish

        def deactivating_meanwhile(*args: Any) -> Any:
            deactivations.append(threads.submit(tenant.update_location, location_id, active=False))
            assert waits(deactivations[0])
            return finish(*args)

        monkeypatch.setattr(Recording, "finish", deactivating_meanwhile)
        tenant.stock(position_id, [5])
        assert outcome(deactivations[0]).active is False

    def test_additions_wait_for_it_and_are_refused(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        location_id = tenant.location()
        position_id = tenant.position(tenant.item().item_id, location_id)
        additions: list[Future[Any]] = []
        update_row = describing.update_row

        def adding_meanwhile(*args: Any) -> Any:
            additions.append(threads.submit(tenant.apply, submission(adding(position_id))))
            assert waits(additions[0])
            return update_row(*args)

        monkeypatch.setattr(describing, "update_row", adding_meanwhile)
        tenant.update_location(location_id, active=False)
        (refused,) = additions[0].result(TIMEOUT_S)
        assert isinstance(refused, LocationInactive)


class TestExtensions:
    """What only one vendor knows: kept beside what the others know."""

    def test_those_of_a_location_are_kept_and_changed(self, tenant: Tenant) -> None:
        created = tenant.create_location("Main", extensions={"autotask": {"resourceID": 7}}).resource
        assert created.extensions == {"autotask": {"resourceID": 7}}
        changed = tenant.update_location(
            created.location_id, extensions={"saasu": {"x": 1}, "autotask": {}}, vendors=["saasu"]
        )
        assert changed.extensions == {"autotask": {"resourceID": 7}, "saasu": {"x": 1}}
        assert tenant.update_location(created.location_id, name="Yard").extensions == changed.extensions

    def test_those_of_a_position_are_kept_and_changed(self, tenant: Tenant) -> None:
        known = {"autotask": {"a": Decimal("1.50")}, "saasu": {"b": [None]}}
        opened = tenant.open_position(tenant.item().item_id, tenant.location(), extensions=known).resource
        assert opened.terms.extensions == known
        position_id = opened.position_id
        dropped = tenant.update_position(position_id, extensions={}, vendors=["autotask"])
        assert dropped.terms.extensions == {"saasu": {"b": [None]}}
        replaced = tenant.update_position(position_id, extensions={"intacct": {}})
        assert replaced.terms.extensions == {"intacct": {}}

    def test_no_more_vendors_join_than_there_may_be(self, tenant: Tenant) -> None:
        full = {f"vendor_{number}": {"x": 1} for number in range(10)}
        position_id = tenant.open_position(
            tenant.item().item_id, tenant.location(), extensions=full
        ).resource.position_id
        with pytest.raises(BadField) as refusal:
            tenant.update_position(position_id, extensions={"saasu": {}}, vendors=["saasu"])
        assert refusal.value.field == "position.extensions"
        exchanged = tenant.update_position(position_id, extensions={"saasu": {}}, vendors=["saasu", "vendor_3"])
        assert len(exchanged.terms.extensions) == 10

    def test_two_vendors_at_once_lose_nothing(self, tenant: Tenant, threads: ThreadPoolExecutor) -> None:
        (position_id,) = tenant.positions()
        names = [f"vendor_{number}" for number in range(AT_ONCE)]
        at_once(
            threads,
            *(partial(tenant.update_position, position_id, extensions={name: {}}, vendors=[name]) for name in names),
        )
        assert tenant.update_position(position_id, bin="A1").terms.extensions == {name: {} for name in names}


class TestArchiving:
    def test_stock_of_an_archived_item_comes_in_nowhere_and_may_leave(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        assert tenant.item(1, version=2, archived=True).archived
        refused, carried_out = tenant.apply(submission(adding(position_id)), submission(removing(position_id)))
        assert isinstance(refused, ItemArchived)
        assert isinstance(carried_out, Recorded)
        with pytest.raises(ItemArchived) as refusal:
            tenant.position(1, tenant.location("Second"))
        assert refusal.value.item_id == 1

    def test_an_item_can_be_stocked_again(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.item(1, version=2, archived=True)
        assert not tenant.item(1, version=3).archived
        tenant.stock(position_id, [5])

    def test_it_waits_for_additions_under_way(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (position_id,) = tenant.positions()
        registrations: list[Future[Item]] = []
        finish = Recording.finish

        def archiving_meanwhile(*args: Any) -> Any:
            registrations.append(threads.submit(tenant.item, 1, version=2, archived=True))
            assert waits(registrations[0])
            return finish(*args)

        monkeypatch.setattr(Recording, "finish", archiving_meanwhile)
        tenant.stock(position_id, [5])
        assert outcome(registrations[0]).archived

    def test_additions_wait_for_it_and_are_refused(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (position_id,) = tenant.positions()
        additions: list[Future[Any]] = []
        update_row = describing.update_row

        def adding_meanwhile(*args: Any) -> Any:
            additions.append(threads.submit(tenant.apply, submission(adding(position_id))))
            assert waits(additions[0])
            return update_row(*args)

        monkeypatch.setattr(describing, "update_row", adding_meanwhile)
        tenant.item(1, version=2, archived=True)
        (refused,) = additions[0].result(TIMEOUT_S)
        assert isinstance(refused, ItemArchived)

    def test_a_position_waits_for_it_and_is_not_opened(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        openings: list[Future[Any]] = []
        update_row = describing.update_row

        def opening_meanwhile(*args: Any) -> Any:
            openings.append(threads.submit(tenant.open_position, item_id, location_id))
            assert waits(openings[0])
            return update_row(*args)

        monkeypatch.setattr(describing, "update_row", opening_meanwhile)
        tenant.item(item_id, version=2, archived=True)
        assert isinstance(outcome(openings[0]), ItemArchived)


class TestAskingWhetherAnItemWouldBeAccepted:
    """What `register_item` would answer, without a trace."""

    def check(self, tenant: Tenant, *fields: Any) -> Item:
        return tenant.descriptions.check_item(tenant.tenant_id, Item(*fields))

    def test_a_newer_version_would_be_known_as_it_is_given(self, tenant: Tenant, dump: Dump) -> None:
        tenant.item(7, version=3)
        before = dump()
        assert self.check(tenant, 7, 4, Tracking.LOT, 2, True) == Item(7, 4, Tracking.LOT, 2, True)
        assert self.check(tenant, 8, 1, Tracking.NONE, 0) == Item(8, 1, Tracking.NONE, 0)
        assert dump() == before

    def test_one_that_is_not_newer_would_change_nothing(self, tenant: Tenant) -> None:
        tenant.item(7, version=3)
        assert self.check(tenant, 7, 3, Tracking.SERIAL, 0) == Item(7, 3, Tracking.NONE, 0)

    def test_what_is_frozen_by_stock_would_be_refused(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1])
        before = dump()
        with pytest.raises(ItemHasStock):
            self.check(tenant, 1, 2, Tracking.SERIAL, 0)
        assert self.check(tenant, 1, 2, Tracking.NONE, 0, True).archived
        assert dump() == before


class TestSettings:
    def test_a_tenant_that_set_none_has_the_defaults(self, tenant: Tenant, dump: Dump) -> None:
        before = dump()
        settings, revision = tenant.descriptions.get_settings(tenant.tenant_id)
        assert (settings, revision) == (Settings(reason_required=False, currency_code="USD"), FIRST_REVISION)
        assert dump() == before

    def test_an_update_changes_what_it_names_and_the_etag(self, tenant: Tenant) -> None:
        _, revision = tenant.update_settings(revision=FIRST_REVISION, reason_required=True)
        assert tenant.descriptions.get_settings(tenant.tenant_id) == (Settings(True, "USD"), revision)
        settings, _ = tenant.update_settings(revision=revision, currency_code="JPY")
        assert settings == Settings(True, "JPY")

    def test_an_update_of_what_has_changed_since_is_refused(self, tenant: Tenant, dump: Dump) -> None:
        tenant.update_settings(reason_required=True)
        before = dump()
        with pytest.raises(EtagMismatch) as refusal:
            tenant.update_settings(revision=FIRST_REVISION, reason_required=False)
        assert (refusal.value.resource, refusal.value.resource_id) == ("settings", tenant.tenant_id)
        assert dump() == before

    def test_a_refused_first_update_leaves_nothing(self, tenant: Tenant, dump: Dump) -> None:
        before = dump()
        with pytest.raises(EtagMismatch):
            tenant.update_settings(revision=99, reason_required=True)
        assert dump() == before

    def test_the_currency_is_frozen_once_a_position_was_opened(self, tenant: Tenant, dump: Dump) -> None:
        tenant.update_settings(currency_code="EUR")
        tenant.positions()
        before = dump()
        with pytest.raises(CurrencyFrozen) as refusal:
            tenant.update_settings(currency_code="JPY")
        assert refusal.value.currency_code == "EUR"
        assert dump() == before
        settings, _ = tenant.update_settings(currency_code="EUR", reason_required=True)
        assert settings == Settings(True, "EUR")

    def test_a_new_currency_waits_for_a_position_that_is_being_opened(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        changes: list[Future[Any]] = []
        insert_row = describing.insert_row
        location_id = tenant.location()

        def changing_meanwhile(*args: Any) -> Any:
            changes.append(threads.submit(tenant.update_settings, currency_code="EUR"))
            assert waits(changes[0])
            return insert_row(*args)

        monkeypatch.setattr(describing, "insert_row", changing_meanwhile)
        tenant.position(tenant.item().item_id, location_id)
        assert isinstance(outcome(changes[0]), CurrencyFrozen)

    def test_a_position_waits_for_a_new_currency(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise its first stock could be valued in the old one, behind the back of the check."""
        item_id, location_id = tenant.item().item_id, tenant.location()
        openings: list[Future[Any]] = []
        check = descriptions._check_nothing_opened

        def opening_meanwhile(*args: Any) -> None:
            check(*args)
            openings.append(threads.submit(tenant.open_position, item_id, location_id))
            assert waits(openings[0])

        monkeypatch.setattr(descriptions, "_check_nothing_opened", opening_meanwhile)
        tenant.update_settings(currency_code="EUR")
        assert outcome(openings[0]).resource.location_id == location_id
