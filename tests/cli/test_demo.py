"""``storekeeper demo``: the real command, on a ledger that runs and on one of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1.stock_ledger_pb2_grpc import StockLedgerStub
from storekeeper_cli.demo import pictures
from storekeeper_cli.demo.pictures import Layer, Pictures
from storekeeper_cli.demo.stage import Stage, temporary_stage
from storekeeper_cli.services import GATEWAY, SERVICES, STOCK_LEDGER, Service
from storekeeper_kit.clients import blocking_channel
from tests.cli.processes import wait_for

DEMO = (sys.executable, "-P", "-m", "storekeeper_cli", "demo")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Services that run before the demo begins."""
    with temporary_stage() as running:
        yield running


@pytest.fixture(scope="module")
def printed(stage: Stage) -> str:
    """What it prints there, for most tests."""
    return demo(stage.addresses)


@pytest.fixture
def nobody() -> Iterator[dict[Service, str]]:
    """An address that is taken, but by none of the services."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield dict.fromkeys(SERVICES, f"127.0.0.1:{holder.getsockname()[1]}")


def environment(addresses: Mapping[Service, str], **variables: str) -> dict[str, str]:
    listen = {service.variable("LISTEN"): addresses[service] for service in SERVICES}
    return os.environ | listen | variables


def demo(addresses: Mapping[Service, str], **variables: str) -> str:
    """Run the demo, which succeeds; what it prints."""
    done = subprocess.run(
        DEMO, env=environment(addresses, **variables), check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def second_half(lines: list[str]) -> int:
    """Where it begins."""
    return next(number for number, line in enumerate(lines) if line.startswith("The same mice over REST"))


def rows(lines: list[str]) -> list[tuple[str, ...]]:
    """What the tables say of each stocked item, but for its id, which is another in each run."""
    return [tuple(re.findall(r"[\d-]+", line)[1:]) for line in lines if re.search(r"\d{4}-\d\d-\d\d  ", line)]


def line_with(words: str, printed: str) -> str:
    return next(line for line in printed.splitlines() if words in line)


def pasted(line: str) -> str:
    """What is answered when this line is pasted into a shell."""
    done = subprocess.run(line, shell=True, check=True, capture_output=True, text=True, timeout=10)  # noqa: S602 - that is the point
    return done.stdout


def processes_in(folder: Path) -> list[str]:
    """The command lines that name this folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [words] if str(folder) in words else []
    return found


def test_removing_20_takes_5_then_10_then_5_on_every_run(stage: Stage, printed: str) -> None:
    for lines in (printed.splitlines(), demo(stage.addresses).splitlines()):
        assert rows(lines[: second_half(lines)]) == [
            ("2019-01-01", "15", "5"),
            ("2020-05-06", "10", "10"),
            ("2020-09-08", "20", "20"),
            ("2021-02-09", "5", "5"),
            ("2019-01-01", "15", "0", "5"),
            ("2020-05-06", "10", "0", "10"),
            ("2020-09-08", "20", "15", "5"),
            ("2021-02-09", "5", "5", "0"),
        ]
        assert "Taken: 5 / 10 / 5. Left: 20." in lines[: second_half(lines)]


def test_over_rest_removing_20_takes_the_same_on_every_run(stage: Stage, printed: str) -> None:
    for lines in (printed.splitlines(), demo(stage.addresses).splitlines()):
        assert rows(lines[second_half(lines) :]) == [
            ("2019-01-01", "10", "5"),
            ("2020-05-06", "0", "10"),
            ("2020-09-08", "0", "20"),
            ("2021-02-09", "0", "5"),
            ("2019-01-01", "15", "0", "5"),
            ("2020-05-06", "10", "0", "10"),
            ("2020-09-08", "5", "15", "5"),
            ("2021-02-09", "0", "5", "0"),
        ]
        assert "Taken: 5 / 10 / 5. Left: 20." in lines[second_half(lines) :]


def test_a_repeat_of_the_request_takes_nothing(printed: str) -> None:
    assert "\nThe same call again, with its request id: 5 / 10 / 5 from the journal. Left: 20.\n" in printed


def test_an_emptied_stocked_item_refuses_in_the_words_of_the_service(printed: str) -> None:
    assert "  Refused: INSUFFICIENT_STOCK, requested 10, available 0.\n" in printed
    assert re.search(r"  In words: 10 units were asked of stocked item \d+, which has 0 available[.]\n", printed)


def test_two_at_once_do_not_disturb_each_other(stage: Stage) -> None:
    with ThreadPoolExecutor() as pool:
        for printed in pool.map(demo, [stage.addresses] * 2):
            assert "Taken: 5 / 10 / 5. Left: 20." in printed


@pytest.mark.usefixtures("printed")
def test_the_stock_of_others_is_left_alone(stage: Stage) -> None:
    with blocking_channel(stage.addresses[STOCK_LEDGER]) as channel:
        assert not StockLedgerStub(channel).ListLocations(pb.ListLocationsRequest()).locations


def test_the_line_about_the_journal_works_as_pasted(printed: str) -> None:
    # Four deliveries, what was removed of the first before, and the three parts of the removal.
    assert pasted(line_with("ListMovements", printed)).count('"movement_id"') == 8


def test_over_rest_more_than_there_is_is_refused_in_the_vendors_way(printed: str) -> None:
    assert '\n    500  {"errors":["The quantity [21] is greater than the availableUnits [20]."]}\n' in printed


def test_the_line_that_asks_the_gateway_works_as_pasted(printed: str) -> None:
    items = json.loads(pasted(line_with("curl http", printed)))["items"]
    assert [(item["onHandUnits"], item["removedUnits"]) for item in items] == [(0, 15), (0, 10), (15, 5), (5, 0)]


def test_without_a_gateway_it_shows_the_half_over_grpc(stage: Stage, nobody: dict[Service, str]) -> None:
    printed = demo({**stage.addresses, GATEWAY: nobody[GATEWAY]})
    assert "Taken: 5 / 10 / 5. Left: 20." in printed
    assert printed.endswith(f"\nNo gateway serves at {nobody[GATEWAY]}, so this was not shown over REST.\n")


def test_what_is_no_terminal_gets_plain_lines(stage: Stage) -> None:
    printed = demo(stage.addresses, COLUMNS="40")
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) > 80


def test_without_a_ledger_it_starts_one_and_leaves_nothing_behind(nobody: dict[Service, str], tmp_path: Path) -> None:
    # A database for real work is no concern of the demo's.
    printed = demo(nobody, TMPDIR=str(tmp_path), STOREKEEPER_STOCKLEDGER_DATABASE_URL="postgresql://nowhere/work")
    assert printed.startswith(
        f"No stock ledger serves at {nobody[STOCK_LEDGER]}: everything is started for the demo ...\n"
    )
    assert "Taken: 5 / 10 / 5. Left: 20." in printed
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_interrupted_it_leaves_nothing_behind(nobody: dict[Service, str], tmp_path: Path) -> None:
    """By a plain kill or a closed window, which go the way of Ctrl-C."""
    process = subprocess.Popen(
        DEMO, env=environment(nobody, TMPDIR=str(tmp_path)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: any("postgres -D" in words for words in processes_in(tmp_path)), timeout_s=30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) != 0
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def test_a_ledger_that_cannot_answer_ends_it_with_one_line() -> None:
    """One that says it serves, and has not one of the calls."""
    servicer = health.HealthServicer()
    servicer.set(STOCK_LEDGER.grpc_service, health_pb2.HealthCheckResponse.SERVING)
    server = grpc.server(ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    done = subprocess.run(
        DEMO, env=environment(dict.fromkeys(SERVICES, address)), check=False, capture_output=True, text=True, timeout=60
    )
    server.stop(None)
    assert (done.returncode, done.stderr) == (
        1,
        f"The ledger at {address} ended the demo: UNIMPLEMENTED: Method not found!\n",
    )


@pytest.mark.parametrize(
    ("encoding", "bar"), [("utf-8", "██▒▒▒·"), ("ascii", "##xxx.")], ids=["blocks", "only ASCII can be shown"]
)
def test_a_bar_shows_what_is_left_taken_now_and_taken_before(
    encoding: str, bar: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "printed"
    with file.open("w", encoding=encoding) as screen:
        monkeypatch.setattr(sys, "stdout", screen)
        Pictures().stock_after({"Left": "right"}, [Layer(7, ("2",), came=Decimal(6), left=Decimal(2))], {7: Decimal(3)})
    assert bar in file.read_text(encoding=encoding)


def test_on_a_narrow_terminal_only_the_bars_give_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pictures, "PLAIN_WIDTH", 30)
    Pictures().stock_after({"Left": "right"}, [Layer(7, ("42",), came=Decimal(60), left=Decimal(42))], {7: Decimal(18)})
    [row] = [line for line in capsys.readouterr().out.splitlines() if "42" in line]
    assert len(row) == 30
    assert row.split()[::2] == ["42", "18"]
