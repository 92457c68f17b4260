"""All figures, in the order in which they are taken."""

from typing import Final

from tests.torture import (
    r01_killed_ledgers,
    r02_killed_postgresql,
    r03_failpoints,
    r04_cut_connections,
    r05_duplicates,
    r06_soak,
    r07_history,
    r07_planted_bugs,
    r09_oracle,
    r12_reservations,
    r13_watches,
    r15_resources,
    r17_tampering,
    r18_lessons,
)
from tests.torture.bugs import BUGS
from tests.torture.figure import Figure

FIGURES: Final = (
    Figure(
        "R1",
        "kill -9 of a ledger loses nothing, doubles nothing",
        r01_killed_ledgers.run,
        size=100,
        short=4,
        at_once=20,
    ),
    Figure("R2", "neither does one of PostgreSQL", r02_killed_postgresql.run, size=30, short=3, at_once=15),
    Figure(
        "R3", "nor does a failure at any point of any call", r03_failpoints.run, len(r03_failpoints.TRIALS), short=8
    ),
    Figure("R4", "nor does any cut of a connection", r04_cut_connections.run, size=2000, short=40, at_once=250),
    Figure(
        "R5", "a repeated request is carried out once, and answered alike", r05_duplicates.run, size=100_000, short=600
    ),
    Figure("R6", "all of it at once, for minutes", r06_soak.run, size=300, short=8),
    Figure(
        "R7", "one thing done at a time explains every answer", r07_history.run, size=40_000, short=600, at_once=2000
    ),
    Figure("R7+", "and no planted bug gets away", r07_planted_bugs.run, size=len(BUGS), short=2),
    Figure("R9", "the ledger and an oracle agree in every answer", r09_oracle.run, size=20_000, at_once=5_000),
    Figure("R12", "no reservation leaks", r12_reservations.run, size=100, short=2, at_once=20),
    Figure("R13", "a watch misses nothing and repeats nothing", r13_watches.run, size=100, short=2, at_once=20),
    Figure("R15", "what runs out is told, and heals by itself", r15_resources.run, size=32, short=4, at_once=8),
    Figure("R17", "no tampering goes unnoticed", r17_tampering.run, size=60),
    Figure("R18", "no lesson of others is to be learnt again", r18_lessons.run, size=1, at_once=1),
)
