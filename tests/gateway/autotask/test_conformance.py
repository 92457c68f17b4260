"""No rule of Autotask's pages about removals and inventory items is without a test that proves it."""

import importlib
from collections import Counter

import pytest

from tests.gateway.autotask.published import PUBLISHED
from tests.gateway.autotask.rules import ITEMS, REMOVE, RULES, Rule

SECTIONS = {
    f"{REMOVE}, Entity details": 1,
    f"{REMOVE}, Fields that cannot be queried": 1,
    # Eight bullets, of which the seventh has four below it, and these have three below them.
    f"{REMOVE}, General": 8 + 4 + 3,
    # Four rows, of which the second has two bullets.
    f"{REMOVE}, Special field attributes": 4 + 2,
    # Three sentences that say what to do, and an example of four removals.
    f"{REMOVE}, Guidelines": 3 + 1 + 4,
    f"{REMOVE}, Field definitions": 5,
    f"{ITEMS}, Entity details": 1,
    f"{ITEMS}, General": 4,
    f"{ITEMS}, Special field attributes": 4,
    f"{ITEMS}, Field definitions": 13,
}
"""How many bullets and rows each section of the two pages has."""


def test_no_rule_of_the_two_pages_is_missing() -> None:
    sections = (", ".join(rule.key.split(", ")[:2]) for rule in RULES)
    counted = Counter(section.rstrip("0123456789.").rstrip() for section in sections)
    assert counted == SECTIONS


def test_each_rule_has_a_key_of_its_own() -> None:
    assert [key for key, times in Counter(rule.key for rule in RULES).items() if times > 1] == []


def test_each_field_of_the_two_pages_is_among_those_that_are_published() -> None:
    for entity in (REMOVE, ITEMS):
        start = f"{entity}, Field definitions, "
        fields = {rule.key.removeprefix(start) for rule in RULES if rule.key.startswith(start)}
        assert fields == {field.name for field in PUBLISHED[entity]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_each_rule_has_tests_that_are_run(rule: Rule) -> None:
    """Each is found where pytest looks for it, under a name that pytest collects."""
    assert rule.says
    assert rule.tests
    for test in rule.tests:
        chapter, _, name = test.__qualname__.rpartition(".")
        module = importlib.import_module(test.__module__)
        assert test.__module__.rpartition(".")[2].startswith("test_")
        assert name.startswith("test_")
        assert chapter.startswith("Test") or not chapter
        assert getattr(getattr(module, chapter) if chapter else module, name) is test
