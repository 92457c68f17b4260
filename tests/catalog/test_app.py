"""A catalog as a process: what it needs to start, when it is ready, and how it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from storekeeper_catalog.settings import CatalogSettings
from storekeeper_kit.config import load, variables
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import CatalogDatabase
from tests.harness.items import Items
from tests.harness.service_process import SERVING

NOBODY = "127.0.0.1:9"


def test_it_has_these_settings_and_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables(CatalogSettings):
        monkeypatch.delenv(name, raising=False)
    settings = load(CatalogSettings)
    assert (settings.listen, settings.stockledger_target) == ("127.0.0.1:50051", "127.0.0.1:50052")
    assert settings.service_role == "storekeeper_catalog"
    assert all(field.description for field in CatalogSettings.model_fields.values())


def test_a_variable_that_it_does_not_know_stops_the_start() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "storekeeper_catalog"],
        env={"STOREKEEPER_CATALOG_SWEEP_INTERVAL": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "did you mean STOREKEEPER_CATALOG_SWEEP_INTERVAL_S?" in ended.stderr


def test_it_is_ready_without_a_ledger_and_stops_while_it_looks_for_one(
    catalog_database: CatalogDatabase, tmp_path: Path
) -> None:
    with CatalogProcess(catalog_database.service_url, NOBODY, tmp_path) as catalog:
        assert catalog.health() == SERVING
        with Items(catalog.address, tenant_id=1) as items:
            items.create("Mouse")
        catalog.stop()
        assert "Traceback" not in catalog.log.read_text()
