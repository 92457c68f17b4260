"""Points where tests make a service fail."""

from collections.abc import Iterator

import pytest

from storekeeper_kit import failpoints
from storekeeper_kit.failpoints import Point, reach
from tests.architecture.modules import all_modules

HOME = "storekeeper_kit.failpoints"


@pytest.fixture
def reached() -> Iterator[list[Point]]:
    """The points that are reached from now on."""
    points: list[Point] = []
    failpoints.on_reach = points.append
    yield points
    failpoints.on_reach = None


def test_a_point_does_what_a_program_says() -> None:
    reach(Point.BATCH_BEGUN)


def test_a_program_hears_of_each_point(reached: list[Point]) -> None:
    reach(Point.BATCH_BEGUN)
    reach(Point.BATCH_COMMITTED)
    assert reached == [Point.BATCH_BEGUN, Point.BATCH_COMMITTED]


def test_every_point_is_reached_in_one_place() -> None:
    sources = [module.path.read_text(encoding="utf-8") for module in all_modules() if module.name != HOME]
    times = {point.name: sum(source.count(f"Point.{point.name})") for source in sources) for point in Point}
    assert set(times.values()) == {1}, times


def test_no_service_turns_a_point_on() -> None:
    names = [module.name for module in all_modules() if "on_reach" in module.path.read_text(encoding="utf-8")]
    assert names == [HOME]
