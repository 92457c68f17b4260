"""Forks a worker, asks it what the arguments say, and prints the answers: `python -m tests.kit.asking_a_worker double 2`."""

import asyncio
import os
import signal
import sys
import threading

from storekeeper_kit import logs
from storekeeper_kit.worker import Functions, Worker

THREADS = 3


def functions() -> Functions:
    """What it can be asked for."""
    both = threading.Barrier(2, timeout=10)
    return {
        "double": lambda text: text * 2,
        "long": lambda length: "x" * int(length),
        "fail": lambda text: text / 2,
        "meet": lambda _: both.wait() >= 0,
        "end": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    }


async def ask(worker: Worker, questions: list[tuple[str, str]]) -> None:
    """Ask all at once, and print what comes back in the order of the questions."""
    gone = asyncio.Event()
    await worker.connect(when_gone=gone.set)
    answers = await asyncio.gather(*(worker.ask(*question) for question in questions), return_exceptions=True)
    for answer in answers:
        print(type(answer).__name__, len(answer) if isinstance(answer, str) and len(answer) > 100 else answer)
    worker.close()
    await asyncio.sleep(0)
    print("gone" if gone.is_set() else "closed")


if __name__ == "__main__":
    logs.configure("json")
    given = sys.argv[1:]
    asyncio.run(ask(Worker.fork(functions, threads=THREADS), list(zip(given[::2], given[1::2], strict=True))))
