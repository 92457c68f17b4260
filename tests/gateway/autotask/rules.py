"""What Autotask says of two of its entities, rule by rule, with the test that proves that the gateway keeps it.

A key names the page of Autotask's REST help, the section, and the number of the bullet or row there; below a numbered
bullet, its own. The words are ours. Where a rule is about what a person may do in Autotask's own pages, it says how the
gateway treats that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.gateway.autotask import test_adding as adding
from tests.gateway.autotask import test_errors as errors
from tests.gateway.autotask import test_metadata as metadata
from tests.gateway.autotask import test_positions as positions
from tests.gateway.autotask import test_removing as removing
from tests.gateway.autotask import test_stocked_items as stocked_items
from tests.gateway.autotask import test_tables as tables

Test = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    key: str
    says: str
    tests: tuple[Test, ...]


REMOVE: Final = "InventoryStockedItemsRemove"
ITEMS: Final = "InventoryItems"

_mice = removing.TestTheExampleOfTheMice
_which = removing.TestWhichUnits
_how_many = removing.TestHowMany
_serialized = removing.TestSerializedUnits
_reasons = removing.TestReasons
_is = removing.TestWhatItIs
_described = (
    tables.test_a_published_field_has_a_row_with_its_type_and_flags,
    metadata.TestFields.test_each_is_described_as_it_is_published,
)

RULES: Final = (
    # --- InventoryStockedItemsRemove ------------------------------------------------------------------------------
    Rule(
        f"{REMOVE}, Entity details",
        "it is created, and never updated, queried or deleted; nobody defines fields of it",
        (
            metadata.TestEntities.test_each_says_what_can_be_done_with_it,
            metadata.TestEntities.test_none_has_fields_that_a_tenant_defined,
            _is.test_it_is_only_created,
        ),
    ),
    Rule(
        f"{REMOVE}, Fields that cannot be queried",
        "none of its fields can be queried",
        (
            _is.test_none_of_its_fields_can_be_queried,
            _is.test_it_is_never_read,
        ),
    ),
    Rule(
        f"{REMOVE}, General 1",
        "a removal recalculates the units on hand of the stocked items",
        (_mice.test_twenty_of_the_product_are_the_oldest,),
    ),
    Rule(
        f"{REMOVE}, General 2",
        "a serialized unit goes from one on hand to one removed, and nothing else of it changes",
        (_serialized.test_a_unit_is_found_by_its_serial_number_and_removed,),
    ),
    Rule(
        f"{REMOVE}, General 3",
        "a change of a serialized unit makes no new row",
        (_serialized.test_a_removal_makes_no_new_row,),
    ),
    Rule(
        f"{REMOVE}, General 4",
        "a serial number is looked up in the stocked items, and removed by the id found there",
        (
            _serialized.test_a_unit_is_found_by_its_serial_number_and_removed,
            stocked_items.TestQueries.test_by_serial_number,
        ),
    ),
    Rule(
        f"{REMOVE}, General 5",
        "units that are reserved, picked, delivered or removed are never taken",
        (
            _how_many.test_units_elsewhere_are_never_taken,
            _serialized.test_a_unit_elsewhere_is_never_taken,
        ),
    ),
    Rule(
        f"{REMOVE}, General 6",
        "an inventory product with reserved or picked units is not deleted",
        (
            positions.TestDeleting.test_one_with_promised_units_is_kept,
            positions.TestDeleting.test_an_empty_one_is_deleted,
        ),
    ),
    Rule(
        f"{REMOVE}, General 7",
        "on hand is calculated from the stocked items, and never set",
        (
            positions.TestChanging.test_units_on_hand_cannot_be_changed,
            positions.TestCreating.test_units_on_hand_cannot_be_given,
            positions.TestCounting.test_units_are_summed_over_all_stocked_items,
        ),
    ),
    Rule(
        f"{REMOVE}, General 7.1",
        "on hand is raised by InventoryStockedItemsAdd",
        (adding.TestUnits.test_they_are_on_hand_as_a_new_stocked_item,),
    ),
    Rule(
        f"{REMOVE}, General 7.1.1",
        "serialized units are added one at a time, one serial number to a row",
        (
            adding.TestSerializedUnits.test_each_is_a_stocked_item_of_its_own,
            adding.TestSerializedUnits.test_they_come_one_at_a_time_with_a_serial_number,
        ),
    ),
    Rule(
        f"{REMOVE}, General 7.2",
        "on hand is lowered by InventoryStockedItemsRemove; the page says update once, and means create",
        (
            _mice.test_twenty_of_the_product_are_the_oldest,
            _is.test_it_is_only_created,
        ),
    ),
    Rule(
        f"{REMOVE}, General 7.2.1",
        "a serialized unit is removed by its row: none on hand, one removed, with a reason if one is required",
        (
            _serialized.test_a_unit_is_found_by_its_serial_number_and_removed,
            _reasons.test_a_serialized_unit_needs_one_as_well,
        ),
    ),
    Rule(
        f"{REMOVE}, General 7.2.2",
        "of several rows of a product, the client chooses, the oldest best",
        (
            _mice.test_a_query_by_product_finds_all_four_with_their_ages,
            _mice.test_five_then_ten_then_five_of_the_oldest,
        ),
    ),
    Rule(
        f"{REMOVE}, General 7.3",
        "the counters of a serialized unit always add up to one",
        (
            _serialized.test_the_sum_of_the_counters_is_always_one,
            _serialized.test_a_unit_elsewhere_is_never_taken,
        ),
    ),
    Rule(
        f"{REMOVE}, General 7.4",
        "the counters of other stocked items always add up to what was received",
        (
            stocked_items.test_on_hand_counts_free_units_only,
            _mice.test_what_was_received_is_the_sum_of_the_counters,
        ),
    ),
    Rule(
        f"{REMOVE}, General 8",
        "what was received is told by its receipt; a stocked item without one tells it as that sum",
        (_mice.test_what_was_received_is_the_sum_of_the_counters,),
    ),
    Rule(
        f"{REMOVE}, Special field attributes, inventoryProductID",
        "it is for units without serial numbers only",
        (_serialized.test_none_is_taken_at_the_level_of_the_product,),
    ),
    Rule(
        f"{REMOVE}, Special field attributes, inventoryProductID and inventoryStockedItemID",
        "exactly one of the two is given",
        (
            _which.test_only_one_of_the_two_ids_may_be_given,
            _which.test_one_of_them_must_be_given,
        ),
    ),
    Rule(
        f"{REMOVE}, Special field attributes, inventoryProductID and inventoryStockedItemID 1",
        "of a stocked item, no more than its available units go",
        (_how_many.test_it_is_no_more_than_is_available_of_the_stocked_item,),
    ),
    Rule(
        f"{REMOVE}, Special field attributes, inventoryProductID and inventoryStockedItemID 2",
        "of a product, no more than its available units go, from as many stocked items as it takes, the oldest first",
        (
            _mice.test_all_forty_of_the_product_and_not_one_more,
            _mice.test_twenty_of_the_product_are_the_oldest,
        ),
    ),
    Rule(
        f"{REMOVE}, Special field attributes, quantityBeingRemoved",
        "it is one for a serialized unit, and no more than is available of another stocked item",
        (
            _serialized.test_no_more_than_one_is_removed,
            _how_many.test_it_is_no_more_than_is_available_of_the_stocked_item,
            _how_many.test_it_is_whole_and_positive,
        ),
    ),
    Rule(
        f"{REMOVE}, Special field attributes, reasonForUpdate",
        "it is required when the setting of the tenant says so",
        (
            _reasons.test_it_is_required_when_the_setting_says_so,
            _reasons.test_it_is_not_required_otherwise,
        ),
    ),
    Rule(
        f"{REMOVE}, Guidelines 1",
        "ids are found by a query of the stocked items",
        (_mice.test_a_query_by_product_finds_all_four_with_their_ages,),
    ),
    Rule(f"{REMOVE}, Guidelines 2", "the oldest id is best", (_mice.test_five_then_ten_then_five_of_the_oldest,)),
    Rule(
        f"{REMOVE}, Guidelines 3",
        "what one stocked item has not got takes several calls",
        (
            _mice.test_five_then_ten_then_five_of_the_oldest,
            _how_many.test_it_is_no_more_than_is_available_of_the_stocked_item,
        ),
    ),
    Rule(
        f"{REMOVE}, Guidelines, Example",
        "forty mice in four rows",
        (_mice.test_a_query_by_product_finds_all_four_with_their_ages,),
    ),
    Rule(
        f"{REMOVE}, Guidelines, Example 1",
        "twenty of them are five, ten and five of the three oldest rows",
        (_mice.test_five_then_ten_then_five_of_the_oldest,),
    ),
    Rule(
        f"{REMOVE}, Guidelines, Example 2",
        "or ten and ten; the page names one row for both, which has ten only",
        (_mice.test_ten_and_ten,),
    ),
    Rule(f"{REMOVE}, Guidelines, Example 3", "or all twenty of the one row that has them", (_mice.test_twenty_of_one,)),
    Rule(
        f"{REMOVE}, Guidelines, Example 4",
        "or twenty of the product",
        (_mice.test_twenty_of_the_product_are_the_oldest,),
    ),
    *(
        Rule(f"{REMOVE}, Field definitions, {field}", "its type, length, reference and flags", _described)
        for field in ("id", "inventoryStockedItemID", "inventoryProductID", "quantityBeingRemoved", "reasonForUpdate")
    ),
    # --- InventoryItems -------------------------------------------------------------------------------------------
    Rule(
        f"{ITEMS}, Entity details",
        "it is created, updated and queried, and never deleted; nobody defines fields of it",
        (
            metadata.TestEntities.test_each_says_what_can_be_done_with_it,
            metadata.TestEntities.test_none_has_fields_that_a_tenant_defined,
            positions.TestDeleting.test_an_inventory_item_is_never_deleted,
        ),
    ),
    Rule(
        f"{ITEMS}, General 1",
        "who adds or edits needs permission: ours is a complete set of credentials, while no users are configured",
        (errors.test_credentials_must_be_complete,),
    ),
    Rule(
        f"{ITEMS}, General 2",
        "who queries needs permission: the same",
        (
            errors.test_credentials_must_be_complete,
            errors.test_another_tenants_records_do_not_exist,
        ),
    ),
    Rule(
        f"{ITEMS}, General 3",
        "who creates or updates needs permission: the same",
        (
            errors.test_credentials_must_be_complete,
            errors.test_another_tenants_records_do_not_exist,
        ),
    ),
    Rule(
        f"{ITEMS}, General 4",
        "a product is at a location once",
        (positions.TestCreating.test_a_product_is_at_a_location_once,),
    ),
    Rule(
        f"{ITEMS}, Special field attributes, inventoryLocationID",
        "the location is active",
        (positions.TestCreating.test_a_location_must_be_active,),
    ),
    Rule(
        f"{ITEMS}, Special field attributes, quantityMinimum",
        "it is not negative",
        (
            positions.TestCreating.test_a_minimum_is_not_negative,
            positions.TestChanging.test_limits_keep_their_order,
        ),
    ),
    Rule(
        f"{ITEMS}, Special field attributes, quantityMaximum",
        "it is not below the minimum",
        (
            positions.TestCreating.test_a_maximum_is_not_below_the_minimum,
            positions.TestChanging.test_limits_keep_their_order,
        ),
    ),
    Rule(
        f"{ITEMS}, Special field attributes, quantityOnHand",
        "it is never below what is reserved and picked",
        (positions.TestCounting.test_on_hand_is_never_below_what_is_reserved_and_picked,),
    ),
    *(
        Rule(f"{ITEMS}, Field definitions, {field}", "its type, length, reference and flags", _described)
        for field in (
            "backOrderQuantity",
            "bin",
            "id",
            "impersonatorCreatorResourceID",
            "inventoryLocationID",
            "productID",
            "quantityMaximum",
            "quantityMinimum",
            "quantityOnHand",
            "quantityOnOrder",
            "quantityPicked",
            "quantityReserved",
            "referenceNumber",
        )
    ),
)
