"""What the entities have in common when they are created and changed: messages made of rows, and the update's mask."""

from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from storekeeper.stockledger.v1 import stock_ledger_pb2 as ledger

from ...backends import Call
from ...mapping import Row
from ...messages import fill, mask_of

M = TypeVar("M", bound=Message)


def message_of(message_type: type[M], row: Mapping[str, Any]) -> M:
    """The message that a row says."""
    message = message_type()
    fill(message, row)
    return message


def changed_message(message_type: type[M], key: str, row: Row, changes: Mapping[str, Any]) -> tuple[M, FieldMask]:
    """What an update says: the row's id and etag, and the new values of all that the mask covers."""
    mask = mask_of(changes)
    after = {**row, **changes}
    covered = {path: value for path, value in after.items() if any(_covers(one, path) for one in mask)}
    return message_of(message_type, {**covered, key: row[key], "etag": row["etag"]}), FieldMask(paths=mask)


async def currency_code(call: Call) -> str:
    """The currency that the tenant's costs are in."""
    settings = await call.ask(call.stock_ledger.GetSettings, ledger.GetSettingsRequest())
    return str(settings.currency_code)


async def with_currency(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    """The values, and the currency of the unit cost if there is one among them: Autotask's clients never say it."""
    if "unit_cost.value" not in values:
        return values
    is_given = values["unit_cost.value"] is not None
    return {**values, "unit_cost.currency_code": await currency_code(call) if is_given else None}


def _covers(mask: str, path: str) -> bool:
    return path == mask or path.startswith(f"{mask}.")
