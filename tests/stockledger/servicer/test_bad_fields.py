"""Malformed requests, over a real server: each bad field is named, all of them at once, and nothing is changed."""

from typing import Any, Final

import pytest

from tests.harness.stock import caller
from tests.stockledger.dump import Dump
from tests.stockledger.servicer.refusing import bad_fields, refusal
from tests.stockledger.servicer.world import CHANGES, METHODS, STREAMING, TAKES_REQUEST_ID, World


def bad(method: str, what: str, text: str, *fields: str) -> Any:
    """A malformed request, and the paths of the fields that are bad."""
    return pytest.param(method, text, list(fields), id=f"{method}: {what}")


REMOVE = "request_id: $ID source { position_id: $whole } quantity { value: '1' }"
ADD = "request_id: $ID position_id: $whole quantity { value: '1' }"
TOO_LONG = 501 * "x"
TOO_MANY = 1001 * "serial_numbers: 'A' "
COMPONENT = "components { source { position_id: $goods } quantity { value: '1' } } "
HOLDING = ("ReleaseStock", "UnpickStock", "DeliverStock", "ReturnStock")
"""Methods that take a demand's units from one place to another."""
GARBAGE = "ImEgdG9rZW4gb2Ygc29tZWJvZHkgZWxzZSI"

BAD_NUMBERS: Final = {
    "empty": "",
    "zero": "0",
    "zero with decimals": "0.000",
    "minus zero": "-0",
    "zero with an exponent": "0E5",
    "negative": "-1",
    "word": "abc",
    "NaN": "NaN",
    "signalling NaN": "sNaN1",
    "infinity": "Infinity",
    "negative infinity": "-inf",
    "10^30": "1e30",
    "10^30 in full": "1" + 30 * "0",
    "10^12": "1000000000000",
    "too many decimals for anything": "0.0000001",
    "65 characters": 65 * "1",
    "65 characters of one": "1." + 63 * "0",
    "a huge exponent": "1e999999999",
    "an exponent beyond all": "1e99999999999999999999",
    "a tiny exponent": "1e-999999999",
    "an exponent without digits": "1e",
    "two points": "1.2.3",
    "a comma": "1,5",
    "a space": " 1",
    "an underscore": "1_000",
    "hexadecimal": "0x10",
    "digits of another script": "\N{ARABIC-INDIC DIGIT ONE}",
    "a fraction": "1/2",
    "just a sign": "+",
    "just a point": ".",
}

BAD_REQUEST_IDS: Final = {
    "missing": "",
    "a number": "7",
    "the nil UUID": "00000000-0000-0000-0000-000000000000",
    "without dashes": "0197c2f40a1b7c3d8e5f001122334455",
    "in braces": "{0197c2f4-0a1b-7c3d-8e5f-001122334455}",
    "a URN": "urn:uuid:0197c2f4-0a1b-7c3d-8e5f-001122334455",
    "a digit too many": "0197c2f4-0a1b-7c3d-8e5f-0011223344556",
    "a digit too few": "0197c2f4-0a1b-7c3d-8e5f-00112233445",
    "not hexadecimal": "0197c2f4-0a1b-7c3d-8e5f-00112233445g",
    "with a space": "0197c2f4-0a1b-7c3d-8e5f-001122334455 ",
    "with a line feed": "0197c2f4-0a1b-7c3d-8e5f-001122334455\\n",
}

BAD_FIELDS: Final = [
    # --- removals ---
    bad("RemoveStock", "quantity missing", "request_id: $ID source { position_id: $whole }", "quantity"),
    bad("RemoveStock", "no source", "request_id: $ID quantity { value: '1' }", "source"),
    bad("RemoveStock", "empty source", "request_id: $ID source { } quantity { value: '1' }", "source"),
    bad(
        "RemoveStock",
        "nothing named",
        "request_id: $ID source { oldest_first { } } quantity { value: '1' }",
        "source.oldest_first.item_id",
        "source.oldest_first.location_id",
    ),
    bad(
        "RemoveStock",
        "negative position",
        "request_id: $ID source { position_id: -1 } quantity { value: '1' }",
        "source.position_id",
    ),
    bad(
        "RemoveStock",
        "stocked item 0",
        "request_id: $ID source { stocked_item_id: 0 } quantity { value: '1' }",
        "source.stocked_item_id",
    ),
    bad("RemoveStock", "long reason", REMOVE + f" reason: '{TOO_LONG}'", "reason"),
    bad("RemoveStock", "control character", REMOVE + r" reason: 'a\000b'", "reason"),
    bad(
        "RemoveStock",
        "all at once",
        f"request_id: '7' quantity {{ value: 'abc' }} reason: '{TOO_LONG}'",
        "request_id",
        "source",
        "quantity",
        "reason",
    ),
    # --- closings ---
    bad("ClosePosition", "nothing", "", "request_id", "position_id"),
    bad(
        "ClosePosition",
        "all at once",
        f"request_id: '7' position_id: -1 reason: '{TOO_LONG}'",
        "request_id",
        "position_id",
        "reason",
    ),
    # --- removals, by what is stored ---
    bad(
        "RemoveStock",
        "half of a whole unit",
        "request_id: $ID source { position_id: $whole } quantity { value: '1.5' }",
        "quantity",
    ),
    bad(
        "RemoveStock",
        "more decimals than the item's",
        "request_id: $ID source { position_id: $fine } quantity { value: '0.0001' }",
        "quantity",
    ),
    # --- additions ---
    bad("AddStock", "quantity missing", "request_id: $ID position_id: $whole", "quantity"),
    bad("AddStock", "no target", "request_id: $ID quantity { value: '1' }", "target"),
    bad("AddStock", "future", ADD + " receive_time { seconds: 32472144000 }", "receive_time"),
    bad("AddStock", "before the year 1", ADD + " receive_time { seconds: -62135596801 }", "receive_time"),
    bad("AddStock", "negative nanoseconds", ADD + " receive_time { nanos: -1 }", "receive_time"),
    bad("AddStock", "a second of nanoseconds", ADD + " receive_time { nanos: 1000000000 }", "receive_time"),
    bad("AddStock", "empty cost", ADD + " unit_cost { }", "unit_cost.currency_code", "unit_cost.value"),
    bad(
        "AddStock",
        "negative cost",
        ADD + " unit_cost { currency_code: 'usd' value { value: '-1' } }",
        "unit_cost.currency_code",
        "unit_cost.value",
    ),
    bad(
        "AddStock",
        "cost of 11 decimals",
        ADD + " unit_cost { currency_code: 'USD' value { value: '0.00000000001' } }",
        "unit_cost.value",
    ),
    bad(
        "AddStock",
        "cost of 13 digits",
        ADD + " unit_cost { currency_code: 'USD' value { value: '1e12' } }",
        "unit_cost.value",
    ),
    bad("AddStock", "unspecified method", ADD + " cost_method: COST_METHOD_UNSPECIFIED", "cost_method"),
    bad("AddStock", "unknown method", ADD + " cost_method: 99", "cost_method"),
    bad(
        "AddStock",
        "all at once",
        "request_id: '7' quantity { value: '1e30' } receive_time { seconds: 32472144000 } unit_cost { currency_code: '$$' }"
        f" lot: '{TOO_LONG}' serial_number: '{TOO_LONG}' reason: '{TOO_LONG}' reference: '{TOO_LONG}'"
        " extensions { key: 'autotask' value: '[]' }",
        "request_id",
        "target",
        "quantity",
        "receive_time",
        "unit_cost.currency_code",
        "unit_cost.value",
        "lot",
        "serial_number",
        "reason",
        "reference",
        "extensions.autotask",
    ),
    bad(
        "AddStock",
        "a vendor without a name",
        ADD + " extensions { key: '' value: '{}' } extensions { key: 'Saasu' value: '{}' }",
        "extensions.",
        "extensions.Saasu",
    ),
    # --- counts and what is newly known ---
    bad("CountStock", "nothing", "", "request_id", "target", "counted", "reason"),
    bad(
        "CountStock",
        "all at once",
        f"request_id: '7' stocked_item_id: -1 counted {{ value: '-1' }} count_time {{ seconds: 32472144000 }} reason: '{TOO_LONG}'",
        "request_id",
        "stocked_item_id",
        "counted",
        "count_time",
        "reason",
    ),
    bad(
        "CountStock",
        "half of a whole unit",
        "request_id: $ID position_id: $whole counted { value: '0.5' } reason: 'stocktake'",
        "counted",
    ),
    bad("UpdateStockedItem", "nothing", "", "request_id", "update_mask", "stocked_item.stocked_item_id"),
    bad(
        "UpdateStockedItem",
        "all at once",
        "request_id: '7' stocked_item { stocked_item_id: -1 unit_cost { currency_code: 'usd' value { value: '-1' } }"
        f" serial_number: '{TOO_LONG}' expire_time {{ nanos: -1 }} extensions {{ key: 'saasu' value: '7' }} }}"
        " update_mask { paths: 'unit_cost' paths: 'serial_number' paths: 'expire_time' paths: 'extensions'"
        f" paths: 'places' paths: 'lot' }} reason: '{TOO_LONG}'",
        "request_id",
        "update_mask",
        "update_mask",
        "stocked_item.expire_time",
        "stocked_item.serial_number",
        "stocked_item.stocked_item_id",
        "stocked_item.unit_cost.currency_code",
        "stocked_item.unit_cost.value",
        "stocked_item.extensions.saasu",
        "reason",
    ),
    bad(
        "UpdateStockedItem",
        "what can't be taken away",
        "request_id: $ID stocked_item { stocked_item_id: $oldest }"
        " update_mask { paths: 'unit_cost' paths: 'serial_number' }",
        "stocked_item.serial_number",
        "stocked_item.unit_cost",
    ),
    # --- demands ---
    bad("ReserveStock", "nothing", "", "request_id", "demand", "source", "quantity"),
    bad(
        "ReserveStock",
        "all at once",
        f"request_id: '7' demand: '{TOO_LONG}' source {{ stocked_items {{ }} order: 99 }} quantity {{ value: '0' }}"
        f" expire_after {{ }} reason: '{TOO_LONG}'",
        "request_id",
        "demand",
        "source.order",
        "source.stocked_items.stocked_item_ids",
        "quantity",
        "expire_after",
        "reason",
    ),
    *(
        bad(
            "ReserveStock",
            f"an expiry {what}",
            f"request_id: $ID {CHANGES['ReserveStock']} expire_after {{ {text} }}",
            "expire_after",
        )
        for what, text in {
            "in the past": "seconds: -1",
            "of less than a microsecond": "nanos: 999",
            "beyond ten years": "seconds: 315360000 nanos: 1000",
            "beyond all": "seconds: 9223372036854775807",
        }.items()
    ),
    bad(
        "ReserveStock",
        "a contradiction",
        "request_id: $ID demand: 'SO 7' source { oldest_first { item_id: $GOODS location_id: $main }"
        " order: STOCK_ORDER_NEWEST_FIRST } quantity { value: '1' }",
        "source.order",
    ),
    bad(
        "ReserveStock",
        "named units in an order",
        "request_id: $ID demand: 'SO 7' source { stocked_items { stocked_item_ids: 1 stocked_item_ids: 1"
        " stocked_item_ids: -1 } order: STOCK_ORDER_OLDEST_FIRST } quantity { value: '1' }",
        "source.order",
        "source.stocked_items.stocked_item_ids",
        "source.stocked_items.stocked_item_ids[2]",
    ),
    bad(
        "ReserveStock",
        "too many units by name",
        f"request_id: $ID demand: 'SO 7' source {{ stocked_items {{ {' '.join(f'stocked_item_ids: {n}' for n in range(1, 1002))} }} }}"
        " quantity { value: '1' }",
        "source.stocked_items.stocked_item_ids",
    ),
    bad(
        "ReserveStock",
        "units of several positions",
        "request_id: $ID demand: 'SO 7' source { stocked_items { stocked_item_ids: $oldest stocked_item_ids: $received } }"
        " quantity { value: '1' }",
        "source.stocked_items.stocked_item_ids",
    ),
    bad("ExtendReservation", "nothing", "", "request_id", "demand", "position"),
    bad(
        "ExtendReservation",
        "all at once",
        f"request_id: '7' demand: '{TOO_LONG}' item_at_location {{ }} expire_after {{ seconds: -1 }}",
        "request_id",
        "demand",
        "item_at_location.item_id",
        "item_at_location.location_id",
        "expire_after",
    ),
    bad("PickStock", "nothing", "", "request_id", "demand", "source"),
    bad(
        "PickStock",
        "all at once",
        f"request_id: '7' demand: '{TOO_LONG}' source {{ item_at_location {{ }} }} quantity {{ value: '1e12' }}"
        f" reason: '{TOO_LONG}'",
        "request_id",
        "demand",
        "source.item_at_location.item_id",
        "source.item_at_location.location_id",
        "quantity",
        "reason",
    ),
    *(bad(method, "nothing", "", "request_id", "demand", "source") for method in HOLDING),
    *(
        bad(
            method,
            "all at once",
            f"request_id: '7' demand: '{TOO_LONG}' source {{ order: STOCK_ORDER_OLDEST_FIRST include_expired: true }}"
            f" quantity {{ value: '0' }} reason: '{TOO_LONG}'",
            "request_id",
            "demand",
            "source.order",
            "source.include_expired",
            "source",
            "quantity",
            "reason",
        )
        for method in HOLDING
    ),
    # --- from place to place, and kits ---
    bad("TransferStock", "nothing", "", "request_id", "source", "to_location_id", "quantity"),
    bad(
        "TransferStock",
        "all at once",
        f"request_id: '7' source {{ stocked_item_id: -1 }} to_location_id: -1 quantity {{ value: 'abc' }}"
        f" reason: '{TOO_LONG}' reference: '{TOO_LONG}'",
        "request_id",
        "source.stocked_item_id",
        "to_location_id",
        "quantity",
        "reason",
        "reference",
    ),
    bad(
        "TransferStock",
        "to where the units are",
        "request_id: $ID source { position_id: $goods } to_location_id: $main quantity { value: '1' }",
        "to_location_id",
    ),
    bad("AssembleStock", "nothing", "", "request_id", "components", "target", "quantity"),
    bad(
        "AssembleStock",
        "all at once",
        f"request_id: '7' components {{ }} position_id: -1 quantity {{ value: '0' }} lot: '{TOO_LONG}'"
        f" serial_number: '{TOO_LONG}' expire_time {{ nanos: -1 }} reason: '{TOO_LONG}' reference: '{TOO_LONG}'",
        "request_id",
        "components[0].source",
        "components[0].quantity",
        "position_id",
        "quantity",
        "reason",
        "lot",
        "serial_number",
        "expire_time",
        "reference",
    ),
    bad(
        "AssembleStock",
        "too many components",
        f"request_id: $ID {101 * COMPONENT} position_id: $kit quantity {{ value: '1' }}",
        "components",
    ),
    bad("DisassembleStock", "nothing", "", "request_id", "parts", "source", "quantity"),
    bad(
        "DisassembleStock",
        "all at once",
        f"request_id: '7' source {{ }} quantity {{ value: '0' }} parts {{ cost_share {{ value: '-1' }} lot: '{TOO_LONG}' }}"
        f" reason: '{TOO_LONG}' reference: '{TOO_LONG}'",
        "request_id",
        "parts[0].target",
        "parts[0].quantity",
        "parts[0].cost_share",
        "parts[0].lot",
        "parts",
        "source",
        "quantity",
        "reason",
        "reference",
    ),
    *(
        bad(
            "DisassembleStock",
            f"shares {shares}",
            "request_id: $ID source { position_id: $kit } quantity { value: '1' } "
            + " ".join(f"parts {{ position_id: $goods quantity {{ value: '1' }} {share} }}" for share in shares),
            "parts",
        )
        for shares in (("cost_share { value: '1' }", ""), ("cost_share { value: '0' }",) * 2)
    ),
    # --- order lines ---
    bad("ExpectStock", "nothing", "", "request_id", "order_line", "target", "quantity"),
    bad("CancelExpectedStock", "nothing", "", "request_id", "order_line", "target"),
    bad("ReceiveStock", "nothing", "", "request_id", "order_line", "target", "quantity"),
    bad("UnreceiveStock", "nothing", "", "request_id", "order_line", "source", "quantity"),
    *(
        bad(
            method,
            "all at once",
            f"request_id: '7' order_line: '{TOO_LONG}' position_id: -1 quantity {{ value: '0' }} reason: '{TOO_LONG}'",
            "request_id",
            "order_line",
            "position_id",
            "quantity",
            "reason",
        )
        for method in ("ExpectStock", "CancelExpectedStock")
    ),
    bad(
        "ReceiveStock",
        "all at once",
        f"request_id: '7' order_line: '{TOO_LONG}' position_id: -1 quantity {{ value: '3' }}"
        " receive_time { seconds: 32472144000 } cost_method: 99"
        f" lot: '{TOO_LONG}' serial_numbers: 'A1' serial_numbers: '' serial_numbers: 'A1' serial_numbers: '{TOO_LONG}'"
        f" expire_time {{ nanos: -1 }} reason: '{TOO_LONG}' reference: '{TOO_LONG}' invoice_number: '{TOO_LONG}'"
        " extensions { key: 'autotask' value: '[]' }",
        "request_id",
        "order_line",
        "position_id",
        "quantity",
        "receive_time",
        "cost_method",
        "lot",
        "serial_numbers[1]",
        "serial_numbers[2]",
        "serial_numbers[3]",
        "expire_time",
        "reason",
        "reference",
        "invoice_number",
        "extensions.autotask",
    ),
    bad(
        "UnreceiveStock",
        "all at once",
        f"request_id: '7' order_line: '{TOO_LONG}' source {{ position_id: -1 order: 99 include_expired: true }}"
        f" quantity {{ value: '0' }} reason: '{TOO_LONG}'",
        "request_id",
        "order_line",
        "source.order",
        "source.include_expired",
        "source.position_id",
        "quantity",
        "reason",
    ),
    # --- many at once ---
    bad("BatchChangeStock", "nothing", "", "changes"),
    bad("BatchChangeStock", "nothing, together", "all_or_none: true", "changes"),
    bad("BatchChangeStock", "too many", 1001 * "changes { } ", "changes"),
    bad("BatchChangeStock", "far too many, together", "all_or_none: true " + 10_001 * "changes { } ", "changes"),
    bad(
        "BatchChangeStock",
        "one id for two changes",
        f"changes {{ remove {{ {REMOVE} }} }} changes {{ add {{ {ADD} }} }}",
        "changes[1].add.request_id",
    ),
    bad(
        "BatchChangeStock",
        "all at once, together",
        f"all_or_none: true changes {{ }} changes {{ add {{ {ADD} validate_only: true }} }}"
        f" changes {{ remove {{ }} }} changes {{ receive {{ request_id: '7' {TOO_MANY} }} }}",
        "changes[0]",
        "changes[1].add.validate_only",
        "changes[2].remove.request_id",
        "changes[2].remove.source",
        "changes[2].remove.quantity",
        "changes[3].receive.serial_numbers",
    ),
    bad(
        "BatchChangeStock",
        "half of a whole unit, together",
        "all_or_none: true changes { remove { request_id: $ID source { position_id: $whole } quantity { value: '0.5' } } }",
        "changes[0].remove.quantity",
    ),
    # --- descriptions ---
    bad("CreateLocation", "nothing", "", "request_id", "location.name"),
    bad("CreateLocation", "blank name", "request_id: $ID location { name: '  ' }", "location.name"),
    bad("CreateLocation", "long name", f"request_id: $ID location {{ name: '{101 * 'x'}' }}", "location.name"),
    bad(
        "CreateLocation",
        "extensions that are no object",
        "request_id: $ID location { name: 'New' extensions { key: 'autotask' value: 'null' } }",
        "location.extensions.autotask",
    ),
    bad(
        "UpdateLocation",
        "extensions of nobody",
        "location { location_id: $main extensions { key: 'saasu' value: '7' } }"
        " update_mask { paths: 'extensions.' paths: 'extensions.saasu' }",
        "update_mask",
        "location.extensions.saasu",
    ),
    bad("UpdateLocation", "nothing", "", "location.location_id", "update_mask"),
    bad(
        "UpdateLocation",
        "all at once",
        "location { location_id: -1 etag: 'x' } update_mask { paths: 'name' paths: 'create_time' paths: '*' }",
        "location.location_id",
        "location.etag",
        "update_mask",
        "update_mask",
        "location.name",
    ),
    bad("RegisterItem", "nothing", "", "item.item_id", "item.version", "item.tracking"),
    bad(
        "RegisterItem",
        "all at once",
        "item { item_id: 100000000 version: -1 tracking: 99 quantity_scale: 7 }",
        "item.item_id",
        "item.version",
        "item.tracking",
        "item.quantity_scale",
    ),
    bad(
        "RegisterItem",
        "fractions of serial units",
        "item { item_id: 9 version: 1 tracking: TRACKING_SERIAL quantity_scale: 1 }",
        "item.quantity_scale",
    ),
    bad(
        "RegisterItem",
        "empty standard cost",
        "item { item_id: 9 version: 1 tracking: TRACKING_NONE standard_cost { } }",
        "item.standard_cost.currency_code",
        "item.standard_cost.value",
    ),
    bad(
        "RegisterItem",
        "standard cost of 11 decimals",
        "item { item_id: 9 version: 1 tracking: TRACKING_NONE"
        " standard_cost { currency_code: 'USD' value { value: '0.00000000001' } } }",
        "item.standard_cost.value",
    ),
    bad("UnregisterItem", "nothing", "", "item_id"),
    bad("UnregisterItem", "negative", "item_id: -1 validate_only: true", "item_id"),
    bad("OpenPosition", "nothing", "", "request_id", "position.item_id", "position.location_id"),
    bad(
        "OpenPosition",
        "all at once",
        f"request_id: '7' position {{ bin: '{TOO_LONG}' reference_number: '{TOO_LONG}' minimum {{ value: '-1' }}"
        " maximum { value: 'NaN' } extensions { key: 'autotask' value: 'NaN' } }",
        "request_id",
        "position.item_id",
        "position.location_id",
        "position.bin",
        "position.reference_number",
        "position.minimum",
        "position.maximum",
        "position.extensions.autotask",
    ),
    bad(
        "OpenPosition",
        "bounds the wrong way round",
        "request_id: $ID position { item_id: $UNPLACED location_id: $main minimum { value: '2' } maximum { value: '1' } }",
        "position.maximum",
    ),
    bad(
        "OpenPosition",
        "more decimals than the item's",
        "request_id: $ID position { item_id: $UNPLACED location_id: $main minimum { value: '0.5' } }",
        "position.minimum",
    ),
    bad("UpdatePosition", "nothing", "", "position.position_id", "update_mask"),
    bad(
        "UpdatePosition",
        "totals",
        "position { position_id: $whole maximum { value: '1e30' } } update_mask { paths: 'maximum' paths: 'totals' }",
        "update_mask",
        "position.maximum",
    ),
    bad(
        "UpdatePosition",
        "bounds the wrong way round",
        "position { position_id: $whole minimum { value: '1' } maximum { value: '0' } }"
        " update_mask { paths: 'minimum' paths: 'maximum' }",
        "position.maximum",
    ),
    bad(
        "UpdatePosition",
        "extensions of nobody",
        "position { position_id: $whole extensions { key: 'saasu' value: '7' } }"
        " update_mask { paths: 'extensions' paths: 'extensions.Saasu' }",
        "update_mask",
        "position.extensions.saasu",
    ),
    bad("UpdateSettings", "nothing", "", "update_mask"),
    bad(
        "UpdateSettings",
        "all at once",
        "settings { etag: 'x' currency_code: 'Dollar' } update_mask { paths: 'currency_code' paths: 'etag' }",
        "settings.etag",
        "update_mask",
        "settings.currency_code",
    ),
    # --- reads ---
    bad("GetLocation", "nothing", "", "location_id"),
    bad("GetPosition", "nothing", "", "key"),
    bad(
        "GetPosition",
        "half a key",
        "item_at_location { item_id: -1 }",
        "item_at_location.item_id",
        "item_at_location.location_id",
    ),
    bad(
        "GetPosition",
        "no instant",
        "item_at_location { location_id: -1 } as_of { }",
        "item_at_location.item_id",
        "item_at_location.location_id",
        "as_of",
    ),
    bad("GetPosition", "before the beginning", "as_of { movement_id: -1 }", "key", "as_of.movement_id"),
    bad("GetPosition", "no time", "position_id: $whole as_of { record_time { nanos: -1 } }", "as_of.record_time"),
    bad("GetStockedItem", "negative", "stocked_item_id: -1", "stocked_item_id"),
    bad("ListLocations", "all at once", f"page_size: -1 page_token: '{GARBAGE}'", "page_size", "page_token"),
    bad(
        "ListPositions",
        "all at once",
        f"page_size: -1 page_token: '{GARBAGE}' item_id: -1 location_id: -1 as_of {{ }}",
        "as_of",
        "page_size",
        "page_token",
        "item_id",
        "location_id",
    ),
    bad(
        "ListStockedItems",
        "all at once",
        f"page_size: -1 page_token: '{GARBAGE}' position_id: -1 item_id: -1 location_id: -1 serial_number: '{TOO_LONG}'",
        "page_size",
        "page_token",
        "position_id",
        "item_id",
        "location_id",
        "serial_number",
    ),
    bad(
        "ListMovements",
        "all at once",
        f"page_size: -1 page_token: '{GARBAGE}' position_id: -1 stocked_item_id: -1 item_id: -1 location_id: -1"
        " request_id: '7' kind: 99 record_time_from { nanos: -1 } record_time_before { nanos: -1 }",
        "page_size",
        "page_token",
        "position_id",
        "stocked_item_id",
        "item_id",
        "location_id",
        "request_id",
        "kind",
        "record_time_from",
        "record_time_before",
    ),
    bad(
        "ListReservations",
        "all at once",
        f"page_size: -1 page_token: '{GARBAGE}' demand: '{TOO_LONG}' position_id: -1 stocked_item_id: -1 item_id: -1"
        " location_id: -1 filter { }",
        "page_size",
        "page_token",
        "demand",
        "position_id",
        "stocked_item_id",
        "item_id",
        "location_id",
        "filter",
    ),
    bad(
        "ListExpectations",
        "all at once",
        f"page_size: -1 page_token: '{GARBAGE}' order_line: '{TOO_LONG}' position_id: -1 item_id: -1 location_id: -1"
        " filter { }",
        "page_size",
        "page_token",
        "order_line",
        "position_id",
        "item_id",
        "location_id",
        "filter",
    ),
    bad("GetValuation", "nothing", "", "method"),
    bad(
        "GetValuation",
        "all at once",
        f"method: 99 item_id: -1 location_id: -1 as_of {{ movement_id: -1 }} page_size: -1 page_token: '{GARBAGE}'",
        "method",
        "item_id",
        "location_id",
        "as_of.movement_id",
        "page_size",
        "page_token",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def held(world: World) -> None:
    """What each change needs is there."""
    world.hold()


@pytest.mark.parametrize(("method", "text", "fields"), BAD_FIELDS)
def test_all_bad_fields_are_told_at_once(world: World, dump: Dump, method: str, text: str, fields: list[str]) -> None:
    assert bad_fields(refusal(world, dump, method, text)) == fields


def test_every_method_that_reads_fields_is_asked_with_bad_ones() -> None:
    assert {case.values[0] for case in BAD_FIELDS} == set(METHODS) - STREAMING - {"GetSettings"}


COUNTED: Final = [method for method, text in CHANGES.items() if "quantity {" in text]


@pytest.mark.parametrize("method", COUNTED)
def test_a_quantity_is_a_positive_decimal_number(world: World, dump: Dump, method: str) -> None:
    before = dump()
    for what, quantity in BAD_NUMBERS.items():
        text = f"request_id: $ID {CHANGES[method]}"
        last = text.rindex("quantity { value: '1' }")
        asked = world.request(method, f"{text[:last]}quantity {{ value: '{quantity}' }}{text[last + 23 :]}")
        (field,) = bad_fields(world.stock.refusal(method, asked))
        assert field.endswith("quantity"), what
    assert dump() == before


@pytest.mark.parametrize("written", ["2", "2.0", "2.000000000", "+2", "002", "2e0", "0.2E+1", "20e-1", "2."])
def test_a_number_may_be_written_in_any_way(world: World, written: str) -> None:
    text = f"request_id: $ID source {{ position_id: $whole }} quantity {{ value: '{written}' }} validate_only: true"
    (movement,) = world.do("RemoveStock", text).movements
    assert movement.quantity.value == "2"


@pytest.mark.parametrize("method", TAKES_REQUEST_ID)
def test_a_request_id_is_a_uuid(world: World, dump: Dump, method: str) -> None:
    before = dump()
    for what, request_id in BAD_REQUEST_IDS.items():
        asked = world.request(method, f"request_id: '{request_id}' {TAKES_REQUEST_ID[method]}")
        assert bad_fields(world.stock.refusal(method, asked)) == ["request_id"], what
    assert dump() == before


def test_a_unit_cost_is_changed_by_nobody_who_may_not_see_it(world: World, dump: Dump) -> None:
    text = (
        "request_id: $ID stocked_item { stocked_item_id: $oldest unit_cost { currency_code: 'USD' value { value: '1' } } }"
        " update_mask { paths: 'unit_cost' }"
    )
    metadata, world.stock.metadata = world.stock.metadata, caller(world.tenant_id, "clerk", ["stock.write"])
    try:
        assert bad_fields(refusal(world, dump, "UpdateStockedItem", text)) == ["update_mask"]
    finally:
        world.stock.metadata = metadata
