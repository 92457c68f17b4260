"""What stands where: one place for each kind of thing, so that a reader finds it and a newcomer can't lose it."""

import re
import subprocess
import tomllib
from collections import defaultdict

from packaging.requirements import Requirement

from tests.architecture.modules import SERVICES, all_modules, service_modules

ROOT = SERVICES.parent
FOLDERS = {".ci", "deploy", "gen", "protos", "services", "tests"}
FILES = {
    ".editorconfig", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "pyproject.toml",
    "requirements.txt",
}  # fmt: skip
SAYS_NOTHING = {"base", "common", "helpers", "misc", "util", "utils"}
LOCKS_ROWS = re.compile(r"with_for_update|\bFOR\s+(NO\s+KEY\s+)?UPDATE\b|\bFOR\s+(KEY\s+)?SHARE\b")


def test_the_top_level_holds_what_the_readme_maps() -> None:
    """A new top-level name is a decision about the whole tree."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {path.partition("/")[0] for path in tracked.splitlines()} <= FOLDERS | FILES


def test_a_package_lives_in_one_source_root() -> None:
    """Two roots that share a package name install with some tools and not with others."""
    generated = {path.name for path in (ROOT / "gen").iterdir() if path.is_dir()}
    assert generated.isdisjoint(path.name for path in SERVICES.iterdir())


def test_modules_are_named_for_what_they_hold() -> None:
    """A module without a real name attracts whatever has no place."""
    assert [module.name for module in all_modules() if module.path.stem in SAYS_NOTHING] == []


def test_rows_are_locked_in_one_module_of_a_service() -> None:
    """There the order of all locks can be read, and so it can be kept."""
    lockers = defaultdict(list)
    for module in service_modules():
        if LOCKS_ROWS.search(module.path.read_text(encoding="utf-8")):
            lockers[module.package].append(module.name)
    assert [names for names in lockers.values() if len(names) > 1] == []


def test_every_dependency_is_pinned() -> None:
    """The project itself is installed without looking at its dependencies, so the pins must have all of them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [Requirement(line) for line in (*project["dependencies"], *(line for extra in extras for line in extra))]
    pins = dict(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE))
    missing = [str(want) for want in wanted if not want.specifier.contains(pins.get(want.name, "0"))]
    assert missing == []
