"""A supervisor to ill-treat, in a process of its own: ``python -m tests.cli.supervised FOLDER MODE...``.

It runs one small program for each mode, in that order. Each notes in FOLDER/events when it starts ("first started PID")
and when it was asked to stop ("first stopped").
"""

import asyncio
import functools
import sys
from pathlib import Path

from storekeeper_cli.problem import Problem
from storekeeper_cli.program import Program
from storekeeper_cli.supervisor import Supervisor, supervise

PROGRAM = """
import os, signal, sys, time
name, mode, events = sys.argv[1:]

def note(what):
    with open(events, "a") as file:
        file.write(f"{name} {what}\\n")

def stop(*_):
    note("stopped")
    if mode != "stubborn":
        sys.exit(0)

signal.signal(signal.SIGTERM, stop)
print(f"{name} says hello", flush=True)
if mode == "failing":
    sys.exit("there is no stock to keep")
note(f"started {os.getpid()}")
while True:
    time.sleep(1)
"""
NAMES = ("first", "second", "third")


def program(name: str, mode: str, events: Path) -> Program:
    return Program(name, (sys.executable, "-I", "-S", "-c", PROGRAM, name, mode, str(events)))


async def run(folder: Path, modes: list[str]) -> None:
    events = folder / "events"

    async def start(supervisor: Supervisor) -> None:
        for name, mode in zip(NAMES, modes, strict=False):
            await supervisor.start(program(name, mode, events), functools.partial(has_started, name, events))
        say("everything is ready")

    await supervise(start, logs=folder, report=say, show=lambda name, line: say(f"{name}: {line}"))


async def has_started(name: str, events: Path) -> bool:
    return await asyncio.to_thread(lambda: events.exists() and f"{name} started" in events.read_text())


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        asyncio.run(run(Path(sys.argv[1]), sys.argv[2:]))
    except Problem as problem:
        sys.exit(str(problem))
