"""A creation in two steps that is repeated under its key: it finishes what it began, and undoes nothing that came after it."""

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
def test_what_was_not_finished_is(autotask: Autotask, entity: str, payload: dict[str, Any]) -> None:
    # As far as a gateway that died between its two steps has come.
    row_id = autotask.create(entity, {**payload, "isActive": True}, Idempotency_Key="once")
    assert autotask.create(entity, payload, Idempotency_Key="once") == row_id
    assert autotask.get(entity, row_id)["isActive"] is False
