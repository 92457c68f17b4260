"""Kits, on a real database: many positions in one operation, and every cent where it belongs."""

import random
from decimal import Decimal
from typing import Final

from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import Operation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    InsufficientStock,
    PositionNotFound,
    SerialNumberInStock,
    TooManyStockedItems,
)
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant, accepted, drawn
from tests.stockledger.verbs import adding, assembling, component, disassembling, part, removing, units

SEED: Final = 20261122


def test_components_of_many_positions_become_a_kit_and_fall_apart_again(tenant: Tenant) -> None:
    *components, kits = tenant.positions(9)
    chance = random.Random(SEED)
    for position_id in components:
        tenant.bring(
            *(adding(position_id, 3, cost=UnitCost("USD", Decimal(chance.randint(1, 999)) / 1000)) for _ in range(2))
        )
    came = sum(one.amount or 0 for one in tenant.movements())
    assembly = assembling(kits, 7, [component(one, 6) for one in components])
    *consumed, produced = tenant.carry_out(assembly).movements
    assert [one.kind for one in consumed] == [Kind.CONSUMED] * 16
    assert (produced.amount, produced.quantity, produced.position_id) == (came, Decimal(7), kits)
    assert [tenant.layers(one) for one in components] == [[0, 0]] * 8
    (kit,) = tenant.stocked_items(kits)
    assert (kit.value, kit.unit_cost) == (came, round(Decimal(came) / 7, 10))
    apart = disassembling(kits, 7, [part(one, 6, share=number) for number, one in enumerate(components)])
    parts = tenant.carry_out(apart).movements[1:]
    assert sum(one.amount or 0 for one in parts) == came
    assert parts[0].amount == 0
    assert tenant.stocked_items(kits)[0].value == 0


def test_a_kit_of_a_moment_ago_can_be_taken_in_the_same_batch(tenant: Tenant) -> None:
    wheels, kits = tenant.positions(2)
    steps: list[Operation] = [
        adding(wheels, 4),
        assembling(kits, 1, [component(wheels, 4)]),
        disassembling(kits, 1, [part(wheels, 2), part(wheels, 2)]),
        removing(wheels, 4),
    ]
    recorded = accepted(tenant.ask(*steps))
    assert [len(one.movements) for one in recorded] == [1, 2, 3, 2]


def test_parts_with_serial_numbers_are_unique_by_the_database(tenant: Tenant) -> None:
    location_id = tenant.location()
    serial = tenant.position(tenant.item(1, tracking=Tracking.SERIAL).item_id, location_id)
    kits = tenant.position(tenant.item(2).item_id, location_id)
    tenant.stock(kits, [5])
    first, second = (
        disassembling(kits, 1, [part(serial, 1, serial_number=number) for number in numbers])
        for numbers in (("A1", "A2"), ("A3", "A1"))
    )
    carried_out, refused = tenant.ask(first, second)
    assert isinstance(carried_out, Recorded)
    assert isinstance(refused, SerialNumberInStock)
    unit, other = (one for one, _ in drawn(carried_out)[1:])
    tenant.carry_out(assembling(kits, 1, [component(units(unit)), component(units(other))]))


def test_a_unit_with_a_serial_number_may_become_part_of_itself(tenant: Tenant) -> None:
    location_id = tenant.location()
    serial = tenant.position(tenant.item(1, tracking=Tracking.SERIAL).item_id, location_id)
    covers = tenant.position(tenant.item(2).item_id, location_id)
    (covered,) = tenant.bring(adding(serial, serial_number="A1", cost=UnitCost("USD", Decimal(9))))
    bare = part(serial, serial_number="A1", share=2)
    taken_apart = disassembling(units(covered), 1, [bare, part(covers, share=1)])
    _, again, cover = tenant.carry_out(taken_apart).movements
    assert (again.amount, cover.amount) == (Decimal(6), Decimal(3))
    assert again.stocked_item_id is not None
    components = [component(units(again.stocked_item_id)), component(covers)]
    put_together = assembling(serial, 1, components, serial_number="A1")
    assert tenant.carry_out(put_together).movements[-1].amount == 9
    assert tenant.layers(serial) == [0, 0, 1]


def test_it_may_not_twice_nor_where_another_one_leaves(tenant: Tenant, dump: Dump) -> None:
    location_id = tenant.location()
    serial = tenant.position(tenant.item(1, tracking=Tracking.SERIAL).item_id, location_id)
    first, _ = tenant.bring(adding(serial, serial_number="A1"), adding(serial, serial_number="A2"))
    before = dump()
    twins, other = [part(serial, serial_number="A1")] * 2, [part(serial, serial_number="A2")]
    outcomes = tenant.ask(disassembling(units(first), 1, twins), disassembling(units(first), 1, other))
    assert [type(one) for one in outcomes] == [SerialNumberInStock] * 2
    assert dump() == before


def test_a_refused_kit_changes_nothing_byte_for_byte(tenant: Tenant, dump: Dump) -> None:
    wheels, frames, kits = tenant.positions(3)
    tenant.stock(wheels, [5])
    before = dump()
    outcomes = tenant.ask(
        assembling(kits, 1, [component(wheels, 5), component(frames, 1)]),
        assembling(kits, 1, [component(wheels, 5), component(wheels, 1)]),
        assembling(99_999_999, 1, [component(wheels, 5)]),
        disassembling(wheels, 5, [part(kits, 1), part(99_999_999, 1)]),
    )
    assert [type(one) for one in outcomes] == [
        InsufficientStock,
        InsufficientStock,
        PositionNotFound,
        PositionNotFound,
    ]
    assert dump() == before


def test_a_long_line_of_components_is_drawn_on_as_far_as_one_answer_goes(tenant: Tenant) -> None:
    wheels, kits = tenant.positions(2)
    tenant.stock(wheels, [1] * 600)
    movements = tenant.carry_out(assembling(kits, 1, [component(wheels, 300), component(wheels, 300)])).movements
    assert len(movements) == 601
    tenant.stock(wheels, [1] * 1001)
    (refused,) = tenant.ask(assembling(kits, 1, [component(wheels, 400), component(wheels, 601)]))
    assert isinstance(refused, TooManyStockedItems)
    assert refused.covered == 600
