"""A creation that is repeated under its key undoes nothing that came after it, and the key stands for all that it said."""

from typing import Any

import pytest

from tests.gateway.client import PRODUCT, Autotask

CREATIONS = {
    "Products": {**PRODUCT, "name": "Retired", "isActive": False},
    "InventoryLocations": {"locationName": "Retired", "isActive": False},
}


@pytest.mark.parametrize(("entity", "payload"), CREATIONS.items())
def test_what_was_made_active_since_stays_so(autotask: Autotask, entity: str, payload: dict[str, Any]) -> None:
    row_id = autotask.create(entity, payload, Idempotency_Key="once")
    assert autotask.get(entity, row_id)["isActive"] is False
    autotask.patch(entity, row_id, isActive=True)
    assert autotask.create(entity, payload, Idempotency_Key="once") == row_id
    assert autotask.get(entity, row_id)["isActive"] is True


@pytest.mark.parametrize(("entity", "payload"), CREATIONS.items())
def test_what_was_made_inactive_since_stays_so(autotask: Autotask, entity: str, payload: dict[str, Any]) -> None:
    row_id = autotask.create(entity, {**payload, "isActive": True}, Idempotency_Key="once")
    autotask.patch(entity, row_id, isActive=False)
    assert autotask.create(entity, {**payload, "isActive": True}, Idempotency_Key="once") == row_id
    assert autotask.get(entity, row_id)["isActive"] is False


@pytest.mark.parametrize("is_active", [False, True])
@pytest.mark.parametrize(("entity", "payload"), CREATIONS.items())
def test_a_key_stands_for_whether_it_is_active(
    autotask: Autotask, entity: str, payload: dict[str, Any], *, is_active: bool
) -> None:
    row_id = autotask.create(entity, {**payload, "isActive": is_active}, Idempotency_Key="once")
    other = {**payload, "isActive": not is_active}
    assert "Idempotency-Key" in autotask.refusal("POST", entity, other, Idempotency_Key="once")
    assert [row["id"] for row in autotask.query(entity)] == [row_id]
    assert autotask.get(entity, row_id)["isActive"] is is_active
