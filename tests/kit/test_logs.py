"""What a log line looks like, and what it carries."""

import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from storekeeper_kit import logs
from storekeeper_kit.caller import Caller
from storekeeper_kit.config import LogFormat, LogLevel


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


class Written:
    """The lines that were logged."""

    def __init__(self, log_format: LogFormat | None = "json", level: LogLevel = "info") -> None:
        self._stream = io.StringIO()
        logs.configure(log_format, level, stream=self._stream)

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def line(self) -> dict[str, Any]:
        (line,) = self.text.splitlines()
        parsed: dict[str, Any] = json.loads(line)
        return parsed


@pytest.fixture
def call() -> Iterator[logs.Call]:
    """A call that is being answered."""
    call = logs.Call("/storekeeper.test.v1.Test/Call", SimpleNamespace(request_id="0197c2f4"))
    token = logs.bound_call.set(call)
    yield call
    logs.bound_call.reset(token)


def test_a_line_is_an_event_with_typed_keys() -> None:
    written = Written()
    structlog.get_logger().info("stock_removed", item_id=7, quantity="2.5")

    assert list(written.line) == ["timestamp", "level", "event", "item_id", "quantity"]
    assert written.line | {"timestamp": ""} == {
        "timestamp": "",
        "level": "info",
        "event": "stock_removed",
        "item_id": 7,
        "quantity": "2.5",
    }


@pytest.mark.usefixtures("call")
def test_a_line_of_a_call_carries_its_ids_as_far_as_they_are_known() -> None:
    written = Written()
    structlog.get_logger().info("stock_removed")

    assert written.line["method"] == "/storekeeper.test.v1.Test/Call"
    assert written.line["request_id"] == "0197c2f4"
    assert "tenant_id" not in written.line


def test_a_line_of_a_call_carries_its_caller(call: logs.Call) -> None:
    call.caller = Caller(7, "ann", frozenset())
    written = Written()
    structlog.get_logger().info("stock_removed")

    assert (written.line["tenant_id"], written.line["actor"]) == (7, "ann")


def test_a_line_of_a_call_carries_what_else_tells_it_from_others(call: logs.Call) -> None:
    call.ids = {"vendor": "autotask"}
    written = Written()
    structlog.get_logger().info("request_refused")

    assert (written.line["vendor"], written.line["method"]) == ("autotask", call.method)


def test_a_request_id_is_cut_as_nobody_has_checked_it_yet(call: logs.Call) -> None:
    call.request.request_id = "x" * 1_000_000
    written = Written()
    structlog.get_logger().info("call_refused")

    assert len(written.line["request_id"]) == logs.REQUEST_ID_CHARS_MAX


def test_a_line_break_that_somebody_sent_begins_no_new_line(call: logs.Call) -> None:
    call.request.request_id = 'x\n{"event": "forged"}'
    for log_format in ("json", "console"):
        written = Written(log_format)
        structlog.get_logger().info("call_refused")
        assert len(written.text.splitlines()) == 1


def test_lines_below_the_level_are_not_written() -> None:
    written = Written(level="warning")
    structlog.get_logger().info("stock_removed")

    assert written.text == ""


def test_an_exception_is_logged_with_its_traceback_on_the_same_line() -> None:
    written = Written()
    try:
        int("broken")
    except ValueError:
        structlog.get_logger().exception("call_failed")

    assert "ValueError: invalid literal" in written.line["exception"]


@pytest.mark.usefixtures("call")
def test_what_libraries_log_looks_the_same() -> None:
    written = Written()
    logging.getLogger("sqlalchemy.pool").warning("connection %s is gone", "c1")

    assert written.line["event"] == "connection c1 is gone"
    assert (written.line["logger"], written.line["level"]) == ("sqlalchemy.pool", "warning")
    assert written.line["method"] == "/storekeeper.test.v1.Test/Call"


def test_what_libraries_say_below_a_warning_is_left_out() -> None:
    written = Written(level="debug")
    logging.getLogger("alembic").info("Will assume transactional DDL.")

    assert written.text == ""


def test_a_file_gets_json_unless_told_otherwise() -> None:
    written = Written(log_format=None)
    structlog.get_logger().info("server_listening")

    assert written.line["event"] == "server_listening"
