"""All figures, in the order in which they are taken."""

from typing import Final

from tests.torture import r01_killed_ledgers, r02_killed_postgresql, r03_failpoints, r04_cut_connections, r05_duplicates
from tests.torture.figure import Figure

FIGURES: Final = (
    Figure("R1", "kill -9 of a ledger loses nothing, doubles nothing", r01_killed_ledgers.run, size=100, short=3),
    Figure("R2", "neither does one of PostgreSQL", r02_killed_postgresql.run, size=30, short=3),
    Figure(
        "R3", "nor does a failure at any point of any call", r03_failpoints.run, len(r03_failpoints.TRIALS), short=8
    ),
    Figure("R4", "nor does any cut of a connection", r04_cut_connections.run, size=2000, short=30),
    Figure("R5", "a repeated request is carried out once, and answered alike", r05_duplicates.run, 100_000, 600),
)
