"""Forks workers, asks them what the arguments say, and prints the answers: `python -m tests.kit.asking_workers double 2`."""

import asyncio
import os
import signal
import sys
import time

from storekeeper_kit import logs
from storekeeper_kit.workers import Functions, Workers

PROCESSES = 2
TIMEOUT_S = 2.0
THREADS = 2


def stop(_: str) -> None:
    """Stand still. Until all threads do this one goes on; but not to an answer."""
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(60)


def late(text: str) -> str:
    """Answer when that is hardly waited for any more."""
    time.sleep(TIMEOUT_S + 0.3)
    return text


def functions() -> Functions:
    """What it can be asked for."""
    return {
        "double": lambda text: text * 2,
        "long": lambda length: "x" * int(length),
        "fail": lambda text: text / 2,
        "name": lambda _: str(os.getpid()),
        "stop": stop,
        "late": late,
        "end": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    }


async def ask(workers: Workers, questions: list[tuple[str, str]]) -> None:
    """Ask all at once, and print what comes back in the order of the questions."""
    gone = asyncio.Event()
    await workers.connect(when_gone=gone.set)
    answers = await asyncio.gather(
        *(workers.ask(*question, timeout_s=TIMEOUT_S) for question in questions), return_exceptions=True
    )
    for answer in answers:
        print(type(answer).__name__, len(answer) if isinstance(answer, str) and len(answer) > 100 else answer)
    workers.close()
    await asyncio.sleep(0)
    print("gone" if gone.is_set() else "closed")


if __name__ == "__main__":
    logs.configure("json")
    given = sys.argv[1:]
    asyncio.run(
        ask(
            Workers.fork(functions, processes=PROCESSES, threads=THREADS),
            list(zip(given[::2], given[1::2], strict=True)),
        )
    )
