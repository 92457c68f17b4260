"""The figures of `make torture`, each in seconds: what is checked is the same, and nothing is measured."""

from pathlib import Path

import pytest

from storekeeper_cli.postgres import EmbeddedPostgres
from tests.harness.databases import LedgerDatabases
from tests.torture.figure import Figure
from tests.torture.figures import FIGURES
from tests.torture.stage import Stage


@pytest.mark.parametrize("figure", [one for one in FIGURES if one.short], ids=lambda one: one.name)
def test_a_short_run_breaks_no_promise(
    figure: Figure, postgres: EmbeddedPostgres, ledger_databases: LedgerDatabases, tmp_path: Path, seed: int
) -> None:
    stage = Stage(postgres, ledger_databases, tmp_path, seed)
    figure.run(stage, figure.short)
    assert stage.counts
