"""InventoryLocations: names are unique, and at most one is the default, which is always active."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.gateway.client import Autotask
from tests.harness.stock import Stock

ENTITY = "InventoryLocations"
AT_ONCE = 4
ROUNDS = 5


def defaults(autotask: Autotask) -> list[int]:
    """The ids of the locations that are the default."""
    return [row["id"] for row in autotask.query(ENTITY) if row["isDefault"]]


def at_once(requests: list[Callable[[], int]]) -> list[int]:
    """What so many requests at the same moment answer; none of them may be refused."""
    together = Barrier(len(requests))

    def send(request: Callable[[], int]) -> int:
        together.wait()
        return request()

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send, requests))


class TestCreating:
    def test_a_location_comes_back_as_it_was_sent(self, autotask: Autotask) -> None:
        location_id = autotask.create(
            ENTITY, {"locationName": "Main", "isActive": True, "isDefault": False, "resourceID": 7, "id": 0}
        )
        assert autotask.get(ENTITY, location_id) == {
            "id": location_id,
            "locationName": "Main",
            "isActive": True,
            "isDefault": False,
            "resourceID": None,
            "impersonatorCreatorResourceID": None,
        }

    def test_required_fields_must_be_given(self, autotask: Autotask) -> None:
        refusal = autotask.refusal("POST", ENTITY, {"isDefault": True})
        assert "required field locationName." in refusal
        assert "required field isActive." in refusal
        assert autotask.query(ENTITY) == []

    def test_a_name_is_unique(self, autotask: Autotask) -> None:
        autotask.location(locationName="Main")
        refusal = autotask.refusal("POST", ENTITY, {"locationName": "Main", "isActive": True})
        assert "already exists" in refusal
        assert "[Main]" in refusal
        assert autotask.count(ENTITY) == 1

    def test_a_name_that_is_too_long_is_refused(self, autotask: Autotask) -> None:
        assert "locationName" in autotask.refusal("POST", ENTITY, {"locationName": "x" * 51, "isActive": True})

    def test_an_inactive_location_is_created_inactive(self, autotask: Autotask, stock: Stock) -> None:
        location_id = autotask.location(isActive=False)
        assert autotask.get(ENTITY, location_id)["isActive"] is False
        location: pb.Location = stock.call("GetLocation", pb.GetLocationRequest(location_id=location_id))
        assert not location.active

    def test_who_it_was_created_for_is_kept(self, autotask: Autotask) -> None:
        payload = {"locationName": "Main", "isActive": "True"}
        location_id = autotask.create(ENTITY, payload, ImpersonationResourceId="29682885")
        assert autotask.get(ENTITY, location_id)["impersonatorCreatorResourceID"] == 29682885

    def test_a_repeat_that_says_so_creates_no_second_one(self, autotask: Autotask) -> None:
        payload = {"locationName": "Main", "isActive": False}
        location_id = autotask.create(ENTITY, payload, Idempotency_Key="main")
        assert autotask.create(ENTITY, payload, Idempotency_Key="main") == location_id


class TestChanging:
    def test_what_is_not_given_is_kept(self, autotask: Autotask) -> None:
        location_id = autotask.location(locationName="Main", isDefault=True)
        assert autotask.patch(ENTITY, location_id, locationName="Central") == location_id
        location = autotask.get(ENTITY, location_id)
        assert (location["locationName"], location["isActive"], location["isDefault"]) == ("Central", True, True)

    def test_a_location_is_made_inactive_and_active(self, autotask: Autotask) -> None:
        location_id = autotask.location()
        for is_active in (False, True):
            autotask.patch(ENTITY, location_id, isActive=is_active)
            assert autotask.get(ENTITY, location_id)["isActive"] is is_active

    def test_a_full_update_clears_what_is_left_out(self, autotask: Autotask) -> None:
        location_id = autotask.location(isDefault=True)
        autotask.put(ENTITY, location_id, locationName="Central", isActive=True)
        location = autotask.get(ENTITY, location_id)
        assert (location["locationName"], location["isDefault"]) == ("Central", None)

    def test_a_full_update_wants_what_is_required(self, autotask: Autotask) -> None:
        location_id = autotask.location(locationName="Main")
        refusal = autotask.refusal("PUT", ENTITY, {"id": location_id, "locationName": "Central"})
        assert "required field isActive." in refusal
        assert autotask.get(ENTITY, location_id)["locationName"] == "Main"

    def test_a_name_stays_unique(self, autotask: Autotask) -> None:
        autotask.location(locationName="Main")
        location_id = autotask.location(locationName="Van")
        assert "already exists" in autotask.refusal("PATCH", ENTITY, {"id": location_id, "locationName": "Main"})
        assert autotask.get(ENTITY, location_id)["locationName"] == "Van"

    def test_it_cannot_be_deleted(self, autotask: Autotask) -> None:
        location_id = autotask.location()
        assert autotask.send("DELETE", f"{ENTITY}/{location_id}").status == 405


class TestTheDefault:
    def test_the_newest_takes_the_place_of_the_one_before(self, autotask: Autotask) -> None:
        first, second = autotask.location(isDefault=True), autotask.location(isDefault=True)
        assert defaults(autotask) == [second]
        autotask.patch(ENTITY, first, isDefault=True)
        assert defaults(autotask) == [first]

    def test_a_repeat_that_says_so_takes_nobodys_place(self, autotask: Autotask) -> None:
        payload = {"locationName": "Main", "isActive": True, "isDefault": True}
        autotask.create(ENTITY, payload, Idempotency_Key="main")
        second = autotask.location(isDefault=True)
        autotask.create(ENTITY, payload, Idempotency_Key="main")
        assert defaults(autotask) == [second]

    def test_others_keep_what_else_they_are(self, autotask: Autotask) -> None:
        first = autotask.create(
            ENTITY, {"locationName": "Main", "isActive": True, "isDefault": True}, ImpersonationResourceId="7"
        )
        autotask.location(isDefault=True)
        location = autotask.get(ENTITY, first)
        assert (location["isDefault"], location["impersonatorCreatorResourceID"]) == (False, 7)

    def test_it_cannot_be_created_inactive(self, autotask: Autotask) -> None:
        first = autotask.location(isDefault=True)
        payload = {"locationName": "Van", "isActive": False, "isDefault": True}
        assert "default" in autotask.refusal("POST", ENTITY, payload)
        assert [row["id"] for row in autotask.query(ENTITY)] == defaults(autotask) == [first]

    @pytest.mark.parametrize("change", [{"isActive": False}, {"isActive": False, "isDefault": True}], ids=len)
    def test_it_cannot_be_made_inactive(self, autotask: Autotask, change: dict[str, bool]) -> None:
        location_id = autotask.location(isDefault=True)
        assert "default" in autotask.refusal("PATCH", ENTITY, {"id": location_id, **change})
        assert autotask.get(ENTITY, location_id)["isActive"] is True

    def test_an_inactive_one_cannot_become_it(self, autotask: Autotask) -> None:
        location_id = autotask.location(isActive=False)
        assert "default" in autotask.refusal("PATCH", ENTITY, {"id": location_id, "isDefault": True})
        assert defaults(autotask) == []

    def test_it_can_be_made_inactive_once_it_is_none(self, autotask: Autotask) -> None:
        location_id = autotask.location(isDefault=True)
        autotask.patch(ENTITY, location_id, isDefault=False, isActive=False)
        assert defaults(autotask) == []

    def test_of_those_that_become_it_at_once_one_is_left(self, autotask: Autotask) -> None:
        rivals = [autotask.location() for _ in range(AT_ONCE)]
        for _ in range(ROUNDS):
            at_once([partial(autotask.patch, ENTITY, rival, isDefault=True) for rival in rivals])
            assert len(defaults(autotask)) == 1

    def test_of_those_that_are_created_as_it_at_once_one_is_left(self, autotask: Autotask) -> None:
        for _ in range(ROUNDS):
            created = at_once([partial(autotask.location, isDefault=True)] * AT_ONCE)
            (default,) = defaults(autotask)
            assert default in created

    def test_there_need_not_be_one(self, autotask: Autotask) -> None:
        autotask.location()
        assert defaults(autotask) == []
