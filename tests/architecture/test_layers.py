"""Imports point one way: domain <- storage <- operations <- servicer <- app; services know the kit, but not each other."""

import ast
import sys
from collections.abc import Iterable
from graphlib import TopologicalSorter

from tests.architecture.modules import CLI, KIT, Module, all_modules, layer, service_modules

# Whatever is in none of these folders (ledger.py, catalog.py, ...) is an operation.
OPERATIONS = 2
LAYERS = {"": 0, "domain": 0, "storage": 1, "migrations": 1, "servicer": 3, "app": 4, "__main__": 5}

# Arithmetic and shapes of values. A clock, chance, files, threads and logs would make a rule of stock depend on more
# than its arguments.
DOMAIN_MAY_IMPORT = {
    "abc", "bisect", "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "hashlib", "heapq", "itertools", "json", "math", "operator", "re", "string", "types", "typing", "uuid",
}  # fmt: skip
ASKS_CLOCK_OR_CHANCE = {"now", "utcnow", "today", "uuid1", "uuid4", "uuid6", "uuid7"}


def test_imports_point_towards_the_domain() -> None:
    """A layer may import itself and what is left of it."""
    offences = [
        f"{module.name} imports {name}"
        for module in service_modules()
        for name in inner_imports(module)
        if rank(layer(name)) > rank(module.layer)
    ]
    assert offences == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Within a layer too, so that every module can be read after the ones it builds upon."""
    modules = {module.name: module for module in all_modules()}
    graph = {name: {known(target, modules) for target in module.imports} for name, module in modules.items()}
    TopologicalSorter({name: targets - {name, ""} for name, targets in graph.items()}).prepare()


def test_the_domain_needs_only_values() -> None:
    """It imports itself and the parts of the standard library that are about values."""
    offences = [
        f"{module.name} imports {name}"
        for module in in_layers("domain")
        for name in module.imports
        if top(name) not in DOMAIN_MAY_IMPORT and not name.startswith(f"{module.package}.domain")
    ]
    assert offences == []


def test_the_domain_is_told_the_time_and_all_ids() -> None:
    """Two runs with the same arguments give the same answer."""
    offences = [
        f"{module.name}:{node.lineno} calls {ast.unparse(node.func)}"
        for module in in_layers("domain")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ASKS_CLOCK_OR_CHANCE
    ]
    assert offences == []


def test_domain_and_storage_never_see_the_event_loop() -> None:
    """Transactions are straight synchronous code; what waits for them stands above."""
    offences = [
        f"{module.name}:{node.lineno}"
        for module in in_layers("domain", "storage")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await)
    ]
    assert offences == []


def test_only_servicers_and_apps_speak_grpc() -> None:
    """Messages and statuses end at the edge; inside are the domain's own values and refusals.

    What has no domain, such as the gateway, has no inside either.
    """
    with_an_inside = {module.package for module in in_layers("domain")}
    offences = [
        f"{module.name} imports {name}"
        for module in service_modules()
        for name in module.imports
        if module.package in with_an_inside
        and rank(module.layer) <= OPERATIONS
        and (top(name) in {"google", "storekeeper"} or top(name).startswith("grpc"))
    ]
    assert offences == []


def test_servicers_contain_no_sql() -> None:
    """They read, ask and write; what is stored is the storage's to know."""
    assert foreign_imports(in_layers("servicer"), {"sqlalchemy", "psycopg", "alembic"}) == []


def test_a_service_imports_no_other_service() -> None:
    """It calls it, through the generated stubs. The command line is above all services, so it is out of bounds too."""
    others = {module.package for module in all_modules()} - {KIT}
    offences = [
        f"{module.name} imports {name}"
        for module in service_modules()
        for name in module.imports
        if top(name) in others - {module.package}
    ]
    assert offences == []


def test_the_kit_knows_no_service() -> None:
    """What every server needs can't depend on one of them."""
    kit = [module for module in all_modules() if module.package == KIT]
    assert foreign_imports(kit, {module.package for module in all_modules()} - {KIT}) == []


def test_the_command_enters_a_service_by_its_front_door() -> None:
    """`app` is what a service shows; the command starts it and needs nothing of its inside."""
    services = {module.package for module in service_modules()}
    offences = [
        f"{module.name} imports {name}"
        for module in all_modules()
        for name in module.imports
        if module.package == CLI and top(name) in services and layer(name) != "app"
    ]
    assert offences == []


def test_migrations_import_nothing_that_will_change() -> None:
    """A migration that used today's tables would become another migration with them."""
    offences = [
        f"{module.path.name} imports {name}"
        for module in service_modules()
        for name in module.imports
        if ".migrations.versions." in module.name
        and top(name) not in sys.stdlib_module_names | {"alembic", "sqlalchemy"}
    ]
    assert offences == []


def in_layers(*names: str) -> list[Module]:
    """All services' modules in these layers."""
    return [module for module in service_modules() if module.layer in names]


def inner_imports(module: Module) -> Iterable[str]:
    """What a module imports of its own package."""
    return (name for name in module.imports if top(name) == module.package)


def foreign_imports(modules: Iterable[Module], packages: set[str]) -> list[str]:
    """Which of the modules import one of these packages."""
    return [f"{module.name} imports {name}" for module in modules for name in module.imports if top(name) in packages]


def rank(name: str) -> int:
    """How far right a layer stands."""
    return LAYERS.get(name, OPERATIONS)


def top(name: str) -> str:
    """The first part of a dotted name."""
    return name.partition(".")[0]


def known(name: str, modules: dict[str, Module]) -> str:
    """The module that a name is, or is in; empty when it is not ours."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name
