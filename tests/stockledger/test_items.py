"""Items on a real database: what they should cost, and how they are forgotten and come back."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Final

import pytest

from storekeeper_kit.database import Database
from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.items import Item, Settings, Tracking
from storekeeper_stockledger.domain.operations import ItemAtLocation
from storekeeper_stockledger.domain.refusals import (
    CurrencyMismatch,
    ItemHasPositions,
    ItemHasStock,
    ItemNotFound,
    Refused,
)
from storekeeper_stockledger.storage import locking
from tests.stockledger.tenant import Tenant, deadline, submission
from tests.stockledger.verbs import cancelling, closing, expecting

TIMEOUT_S: Final = 10.0


def dollars(value: str | int) -> UnitCost:
    """A cost in the currency that tenants begin with."""
    return UnitCost("USD", Decimal(value))


def told(
    tenant: Tenant,
    version: int,
    cost: UnitCost | None = None,
    *,
    item_id: int = 1,
    with_cost: bool = True,
    **fields: Any,
) -> Item:
    """Register an item, and tell what is known of it then: what the question before the registration said, too."""
    item = Item(item_id, version, fields.pop("tracking", Tracking.NONE), 0, standard_cost=cost, **fields)
    asked = tenant.descriptions.check_item(tenant.tenant_id, item, with_cost=with_cost)
    known = tenant.descriptions.register_item(tenant.tenant_id, item, with_cost=with_cost, deadline=deadline())
    assert asked == known
    return known


def forget(tenant: Tenant, item_id: int = 1) -> None:
    """Forget an item; the question before is answered alike."""
    try:
        tenant.descriptions.check_unregistering(tenant.tenant_id, item_id)
    except Refused as refused:
        with pytest.raises(type(refused)):
            tenant.descriptions.unregister_item(tenant.tenant_id, item_id, deadline=deadline())
        raise
    tenant.descriptions.unregister_item(tenant.tenant_id, item_id, deadline=deadline())


class TestStandardCosts:
    def test_an_item_has_the_cost_of_its_newest_version(self, tenant: Tenant) -> None:
        assert told(tenant, 1, dollars("2.5")).standard_cost == dollars("2.5")
        assert told(tenant, 2, dollars(3)).standard_cost == dollars(3)
        assert told(tenant, 1, dollars(9)).standard_cost == dollars(3)
        assert told(tenant, 3).standard_cost is None

    def test_a_cost_of_nothing_is_a_cost(self, tenant: Tenant) -> None:
        told(tenant, 1, dollars(0))
        assert told(tenant, 1).standard_cost == dollars(0)

    def test_whoever_may_not_say_leaves_the_cost_as_it_is(self, tenant: Tenant) -> None:
        assert told(tenant, 1, with_cost=False).standard_cost is None
        told(tenant, 2, dollars(2))
        known = told(tenant, 3, archived=True, with_cost=False)
        assert (known.version, known.archived, known.standard_cost) == (3, True, dollars(2))

    def test_a_cost_in_another_currency_is_refused(self, tenant: Tenant) -> None:
        item = Item(1, 1, Tracking.NONE, 0, standard_cost=UnitCost("EUR", Decimal(2)))
        with pytest.raises(CurrencyMismatch):
            tenant.descriptions.check_item(tenant.tenant_id, item)
        with pytest.raises(CurrencyMismatch) as refused:
            tenant.descriptions.register_item(tenant.tenant_id, item, deadline=deadline())
        assert refused.value.currency_code == "USD"
        with pytest.raises(ItemNotFound):
            tenant.open_position(1, tenant.location())

    def test_a_version_that_is_not_newer_changes_nothing_whatever_its_currency(self, tenant: Tenant) -> None:
        told(tenant, 2, dollars(2))
        assert told(tenant, 2, UnitCost("EUR", Decimal(9))).standard_cost == dollars(2)

    def test_another_currency_leaves_no_cost_in_the_one_before(self, tenant: Tenant) -> None:
        told(tenant, 1, dollars(2))
        tenant.update_settings(currency_code="EUR")
        assert told(tenant, 1).standard_cost is None
        euros = UnitCost("EUR", Decimal(3))
        assert told(tenant, 2, euros).standard_cost == euros

    def test_no_cost_slips_in_while_the_currency_changes(self, tenant: Tenant, database: Database) -> None:
        told(tenant, 1, dollars(1))
        with ThreadPoolExecutor(1) as threads:
            with database.begin() as connection:
                locking.lock_settings(connection, tenant.tenant_id)
                late = threads.submit(told, tenant, 2, dollars(2))
                with pytest.raises(TimeoutError):
                    late.result(0.3)
                connection.exec_driver_sql(
                    "UPDATE settings SET currency_code = 'EUR' WHERE tenant_id = %s", (tenant.tenant_id,)
                )
            with pytest.raises(CurrencyMismatch):
                late.result(TIMEOUT_S)


class TestForgetting:
    def test_a_forgotten_item_is_not_known(self, tenant: Tenant) -> None:
        told(tenant, 1, dollars(2))
        forget(tenant)
        with pytest.raises(ItemNotFound):
            tenant.open_position(1, tenant.location())

    def test_no_order_opens_a_position_of_a_forgotten_item(self, tenant: Tenant) -> None:
        told(tenant, 1)
        location_id = tenant.location()
        forget(tenant)
        (refused,) = tenant.apply(submission(expecting(ItemAtLocation(1, location_id))))
        assert isinstance(refused, ItemNotFound)

    def test_what_is_not_known_is_forgotten_already(self, tenant: Tenant) -> None:
        forget(tenant, 7)
        told(tenant, 1)
        forget(tenant)
        forget(tenant)

    def test_a_registration_brings_it_back_as_if_it_were_new(self, tenant: Tenant) -> None:
        told(tenant, 5, dollars(2))
        forget(tenant)
        back = told(tenant, 1, tracking=Tracking.LOT, with_cost=False)
        assert back == Item(1, 1, Tracking.LOT, 0)
        tenant.open_position(1, tenant.location())

    def test_an_item_that_was_ever_stocked_stays(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1])
        tenant.carry_out(closing(position_id))
        with pytest.raises(ItemHasStock):
            forget(tenant)

    def test_an_item_that_is_on_order_stays(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(expecting(position_id))
        with pytest.raises(ItemHasStock):
            forget(tenant)
        tenant.carry_out(cancelling(position_id))
        with pytest.raises(ItemHasPositions):
            forget(tenant)

    def test_an_item_that_has_open_positions_stays(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        with pytest.raises(ItemHasPositions) as refused:
            forget(tenant)
        assert refused.value.item_id == 1
        tenant.carry_out(closing(position_id))
        forget(tenant)

    def test_only_the_item_that_is_named_is_forgotten(self, tenant: Tenant) -> None:
        told(tenant, 1)
        told(tenant, 1, item_id=2)
        forget(tenant, 2)
        tenant.open_position(1, tenant.location())

    def test_of_a_position_and_its_forgotten_item_there_is_only_one(self, tenant: Tenant, database: Database) -> None:
        """Whichever comes first: the other one waits, and finds it."""
        for number in range(1, 13):
            told(tenant, 1, item_id=number)
        location_id = tenant.location()
        rivals = Tenant(database)
        rivals.tenant_id = tenant.tenant_id
        with ThreadPoolExecutor(2) as threads:
            for number in range(1, 13):
                pair = ItemAtLocation(number, location_id)
                opened = threads.submit(tenant.apply, submission(expecting(pair)))
                forgotten = threads.submit(_refusal, rivals, number)
                (outcome,) = opened.result(TIMEOUT_S)
                assert isinstance(outcome, ItemNotFound) is (forgotten.result(TIMEOUT_S) is None)


def _refusal(tenant: Tenant, item_id: int) -> Refused | None:
    try:
        tenant.descriptions.unregister_item(tenant.tenant_id, item_id, deadline=deadline())
    except Refused as refused:
        return refused
    return None


class TestSettings:
    @pytest.fixture
    def changed(self, tenant: Tenant) -> Settings:
        """All switches on."""
        return tenant.update_settings(
            reason_required=True, invoice_number_required=True, inactive_location_removal_allowed=True
        )[0]

    def test_are_off_as_long_as_nobody_switches_them_on(self, tenant: Tenant, changed: Settings) -> None:
        assert Settings() == Settings(
            reason_required=False,
            currency_code="USD",
            invoice_number_required=False,
            inactive_location_removal_allowed=False,
        )
        assert changed == Settings(
            reason_required=True,
            currency_code="USD",
            invoice_number_required=True,
            inactive_location_removal_allowed=True,
        )

    def test_one_is_changed_without_the_others(self, tenant: Tenant, changed: Settings) -> None:
        after, _ = tenant.update_settings(invoice_number_required=False)
        assert tenant.descriptions.get_settings(tenant.tenant_id)[0] == after
        assert (after.reason_required, after.invoice_number_required) == (True, False)
        assert after.inactive_location_removal_allowed
