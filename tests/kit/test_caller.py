"""Who calls, as the metadata says it."""

import pytest

from storekeeper_kit.caller import COSTS_VIEW, Caller, read_caller
from storekeeper_kit.refusals import InvalidRequest


def bad_keys(*metadata: tuple[str, str | bytes]) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refused:
        read_caller(metadata)
    return {violation.field: violation.description for violation in refused.value.violations}


def test_a_call_without_metadata_acts_for_the_first_tenant_and_may_do_everything() -> None:
    caller = read_caller([("user-agent", "grpc-python")])

    assert caller == Caller(1, "anonymous", frozenset({"*"}))
    assert caller.may(COSTS_VIEW)


def test_the_metadata_names_tenant_actor_and_permissions() -> None:
    caller = read_caller(
        [
            ("storekeeper-tenant", "9223372036854775807"),
            ("storekeeper-actor", "Ann <ann@example.org>"),
            ("storekeeper-permissions", "stock.remove, costs.view"),
        ]
    )

    assert caller == Caller(2**63 - 1, "Ann <ann@example.org>", frozenset({"stock.remove", "costs.view"}))


def test_a_caller_may_only_what_is_listed() -> None:
    caller = read_caller([("storekeeper-permissions", "stock.remove")])

    assert caller.may("stock.remove")
    assert not caller.may(COSTS_VIEW)


def test_an_empty_list_of_permissions_is_none_and_not_all() -> None:
    assert not read_caller([("storekeeper-permissions", "")]).may(COSTS_VIEW)


@pytest.mark.parametrize("tenant", ["0", "-1", "", "1.5", "one", "9223372036854775808", "1" * 400, "²", " 1", b"1"])
def test_a_tenant_is_a_positive_64_bit_integer(tenant: str | bytes) -> None:
    assert bad_keys(("storekeeper-tenant", tenant)) == {"storekeeper-tenant": "is not a positive 64-bit integer"}


@pytest.mark.parametrize("actor", ["", "a" * 201, "two\nlines", b"\xff"])
def test_an_actor_is_a_short_printable_text(actor: str | bytes) -> None:
    assert "storekeeper-actor" in bad_keys(("storekeeper-actor", actor))


@pytest.mark.parametrize("permissions", ["costs view;", "a" * 2001, "Costs", b"\xff"])
def test_permissions_are_words_separated_by_commas(permissions: str | bytes) -> None:
    assert "storekeeper-permissions" in bad_keys(("storekeeper-permissions", permissions))


def test_two_tenants_are_refused_instead_of_picking_one() -> None:
    assert bad_keys(("storekeeper-tenant", "1"), ("storekeeper-tenant", "2")) == {
        "storekeeper-tenant": "is given more than once"
    }


def test_all_bad_keys_are_told_at_once() -> None:
    assert bad_keys(
        ("storekeeper-tenant", "0"), ("storekeeper-actor", ""), ("storekeeper-permissions", "?")
    ).keys() == {"storekeeper-tenant", "storekeeper-actor", "storekeeper-permissions"}


def test_what_a_client_sends_for_a_caller_is_read_as_that_caller() -> None:
    caller = Caller(7, "importer", frozenset({"stock.add", "costs.view"}))

    assert read_caller(caller.metadata()) == caller
