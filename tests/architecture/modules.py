"""The modules under `services/` and what they import, read from their source: nothing has to be installed or run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SERVICES = Path(__file__).parents[2] / "services"
KIT = "storekeeper_kit"
CLI = "storekeeper_cli"


@dataclass(frozen=True, slots=True)
class Module:
    """A module by its full name, with its syntax tree and the full names that it imports."""

    name: str
    path: Path
    tree: ast.Module
    imports: frozenset[str]

    @property
    def package(self) -> str:
        """The service, the kit or the command that it belongs to."""
        return self.name.partition(".")[0]

    @property
    def layer(self) -> str:
        """The folder or module right below the package; empty for the package itself."""
        return layer(self.name)


def layer(name: str) -> str:
    """The second part of a dotted name."""
    return f"{name}.".split(".")[1]


def all_modules() -> list[Module]:
    """Read every module of every service, of the kit and of the command."""
    return [read(path) for path in sorted(SERVICES.rglob("*.py"))]


def service_modules() -> list[Module]:
    """Read every module that belongs to a service proper."""
    return [module for module in all_modules() if module.package not in {KIT, CLI}]


def read(path: Path) -> Module:
    """Parse one file."""
    name = ".".join(path.relative_to(SERVICES).with_suffix("").parts).removesuffix(".__init__")
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    parent = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return Module(name, path, tree, frozenset(imported_names(tree, parent)))


def imported_names(tree: ast.Module, parent: str) -> Iterator[str]:
    """Yield what is imported anywhere in a file, be it inside a function, by its full dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = origin(node, parent)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def origin(node: ast.ImportFrom, parent: str) -> str:
    """Where a `from ... import` looks, with leading dots resolved."""
    if not node.level:
        return node.module or ""
    above = parent.split(".")[: len(parent.split(".")) - node.level + 1]
    return ".".join([*above, node.module] if node.module else above)
