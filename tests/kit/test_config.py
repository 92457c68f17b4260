"""Settings from the environment: known, typed, and complete, or no start."""

import os

import pytest
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from storekeeper_kit.config import PREFIX, ConfigurationError, ServiceSettings, SharedSettings, load, variables


class StockLedgerSettings(ServiceSettings):
    """Settings as the stock ledger has them."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}STOCKLEDGER_")

    listen: str = "127.0.0.1:50052"
    service_role: str = "storekeeper_stockledger"
    lanes: int = Field(default=2, ge=1, description="Transactions in flight.")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def problems(settings: type[SharedSettings] = StockLedgerSettings) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as error:
        load(settings)
    return error.value.problems


def test_everything_but_a_database_has_a_default() -> None:
    settings = load(StockLedgerSettings)

    assert settings.listen == "127.0.0.1:50052"
    assert settings.log_format is None
    assert settings.database_url is None


def test_variables_of_the_service_and_shared_ones_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_STOCKLEDGER_LANES", "5")
    monkeypatch.setenv("STOREKEEPER_LOG_LEVEL", "debug")
    settings = load(StockLedgerSettings)

    assert (settings.lanes, settings.log_level) == (5, "debug")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_STOCKLEDGER_LANES", "")
    assert load(StockLedgerSettings).lanes == 2


def test_an_unknown_variable_is_named_with_the_one_that_may_have_been_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_STOCKLEDGER_LANE", "5")
    assert problems() == (
        "STOREKEEPER_STOCKLEDGER_LANE is no setting of ours; did you mean STOREKEEPER_STOCKLEDGER_LANES?",
    )


def test_an_unknown_variable_without_a_likeness_is_just_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_ELSEWHERE_SERVICE_HOST", "10.0.0.1")
    assert problems() == ("STOREKEEPER_ELSEWHERE_SERVICE_HOST is no setting of ours",)


def test_a_shared_setting_is_not_a_service_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_STOCKLEDGER_LOG_LEVEL", "debug")
    assert problems()[0].startswith("STOREKEEPER_STOCKLEDGER_LOG_LEVEL is no setting of ours")


def test_a_program_leaves_the_variables_of_others_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_STOCKLEDGER_LANE", "5")
    monkeypatch.setenv("STOREKEEPER_UP_FOLDER", "/data")
    assert load(SharedSettings).log_level == "info"


def test_other_programs_variables_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPERS_CHOICE", "5")
    assert load(StockLedgerSettings).lanes == 2


def test_all_bad_values_are_told_at_once_by_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_STOCKLEDGER_LANES", "many")
    monkeypatch.setenv("STOREKEEPER_LOG_FORMAT", "xml")
    monkeypatch.setenv("STOREKEEPER_TYPO", "1")

    assert {problem.split()[0].rstrip(":") for problem in problems()} == {
        "STOREKEEPER_STOCKLEDGER_LANES",
        "STOREKEEPER_LOG_FORMAT",
        "STOREKEEPER_TYPO",
    }


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hunter2@host/db",
        "postgresql://me:hunter2@host:abc/db",
        "postgresql://me:hunter2@host",
        "hunter2",
        "::[hunter2",
    ],
)
def test_a_bad_url_is_named_without_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_STOCKLEDGER_DATABASE_URL", url)
    (problem,) = problems()

    assert problem.startswith("STOREKEEPER_STOCKLEDGER_DATABASE_URL")
    assert "hunter2" not in problem


def test_a_password_is_in_no_picture_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_STOCKLEDGER_DATABASE_URL", "postgresql://me:hunter2@host/db")
    settings = load(StockLedgerSettings)

    assert "hunter2" not in repr(settings)
    assert settings.url("database_url") == "postgresql://me:hunter2@host/db"


def test_a_url_that_is_needed_and_missing_is_named() -> None:
    with pytest.raises(ConfigurationError, match="STOREKEEPER_STOCKLEDGER_OWNER_DATABASE_URL is not set"):
        load(StockLedgerSettings).url("owner_database_url")


def test_every_setting_is_described() -> None:
    fields = ServiceSettings.model_fields.values()
    assert all(field.description for field in fields)
    assert "STOREKEEPER_LOG_FORMAT" in variables(StockLedgerSettings)
