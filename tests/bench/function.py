"""The same removal as one PL/pgSQL function (`function.sql`), driven by PostgreSQL's own `pgbench`."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import psycopg

from storekeeper_cli.postgres.cluster import binaries
from tests.bench.client import Answered
from tests.bench.loading import HOT_ITEM, HOT_LAYERS, ITEMS, LAYER_QUANTITY, LAYERS, OLDEST

FUNCTION: Final = Path(__file__).with_name("function.sql")
LAYERS_OF_ALL: Final = """
INSERT INTO layer (tenant_id, item_id, location_id, receive_time, received, available)
SELECT 1, item_id, 1, %(oldest)s + layer * interval '1 day', %(quantity)s, %(quantity)s
  FROM generate_series(1, %(hot_item)s::bigint) AS item_id,
       generate_series(0, CASE item_id WHEN %(hot_item)s THEN %(hot_layers)s ELSE %(layers)s END - 1) AS layer
 ORDER BY layer, item_id
"""
SCRIPTS: Final = {
    "uniform": f"\\set item random(1, {ITEMS})\nSELECT remove_stock(1, uuidv7(), :item, 1, 3);\n",
    "hot": f"SELECT remove_stock(1, uuidv7(), {HOT_ITEM}, 1, 3);\n",
}
THREADS_MAX: Final = 2
DIFFERENCES: Final = """
SELECT count(*)
  FROM layer
  FULL JOIN (SELECT layer_id, sum(quantity) AS quantity, min(available_after) AS available
               FROM movement
              GROUP BY layer_id) AS moved USING (layer_id)
 WHERE layer.removed <> coalesce(moved.quantity, 0) OR layer.available <> coalesce(moved.available, layer.received)
"""


class Function:
    """The function in a database of its own, with the ledger's stock."""

    def __init__(self, url: str) -> None:
        self._url = url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(FUNCTION.read_bytes())
            connection.execute(
                LAYERS_OF_ALL,
                {
                    "oldest": OLDEST,
                    "quantity": LAYER_QUANTITY,
                    "hot_item": HOT_ITEM,
                    "layers": LAYERS,
                    "hot_layers": HOT_LAYERS,
                },
            )
            connection.execute("VACUUM ANALYZE")

    def answered(self, call: str, clients: int, seconds: int) -> Answered:
        """What came of removals by this many clients, each on a connection of its own."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "script.sql").write_text(SCRIPTS[call])
            report = _pgbench(self._url, folder, clients, seconds)
            # A line for each transaction; its third word is how many microseconds it took.
            lines = [line for log in folder.glob("log.*") for line in log.read_text().splitlines()]
        assert "number of failed transactions: 0 " in report, report
        rate = re.search(r"tps = ([\d.]+)", report)
        assert rate, report
        latencies = sorted(int(line.split()[2]) for line in lines)
        p50, p99 = (latencies[len(latencies) * percent // 100] / 1000 for percent in (50, 99))
        return Answered(float(rate[1]), p50, p99, changes=len(latencies))

    def check(self) -> None:
        """Fail unless layers and movements agree."""
        with psycopg.connect(self._url) as connection:
            assert connection.execute(DIFFERENCES).fetchone() == (0,), "the function lost or doubled units"


def _pgbench(url: str, folder: Path, clients: int, seconds: int) -> str:
    options = {
        "--protocol": "prepared",
        "--client": clients,
        "--jobs": min(clients, THREADS_MAX),
        "--time": seconds,
        "--file": folder / "script.sql",
        "--log-prefix": folder / "log",
    }
    command = [
        str(binaries() / "pgbench"),
        "--no-vacuum",
        "--log",
        *(f"{name}={value}" for name, value in options.items()),
        url,
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
