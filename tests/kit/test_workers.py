"""Processes beside a server's: what they are asked and what they answer, and what is known when one has gone.

Each test forks in a process of its own: this one has threads.
"""

import subprocess
import sys

TIMEOUT_S = 30.0


def asked(*questions: str) -> tuple[list[str], str]:
    """What workers answer to these questions, and what is logged."""
    command = [sys.executable, "-m", "tests.kit.asking_workers", *questions]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return done.stdout.splitlines(), done.stderr


def test_each_question_gets_its_own_answer() -> None:
    answers, _ = asked("double", "ab", "double", "c", "double", "")
    assert answers == ["str abab", "str cc", "str ", "closed"]


def test_answers_may_be_long() -> None:
    answers, _ = asked("long", "5000000", "double", "a", "long", "3000000")
    assert answers == ["str 5000000", "str aa", "str 3000000", "closed"]


def test_the_worker_that_has_least_to_do_is_asked() -> None:
    answers, _ = asked(*["name", ""] * 4)
    *names, last = answers
    assert len(set(names)) == 2
    assert last == "closed"


def test_what_fails_is_logged_there_and_told_here() -> None:
    answers, logged = asked("fail", "a", "double", "b")
    assert answers == [
        "WorkerFailed TypeError(\"unsupported operand type(s) for /: 'str' and 'int'\")",
        "str bb",
        "closed",
    ]
    assert '"event": "worker_failed"' in logged
    assert "Traceback" in logged


def test_nobody_knows_what_became_of_a_question_when_it_has_gone() -> None:
    answers, _ = asked("end", "now")
    assert answers == ["Unavailable the worker has gone", "gone"]


def test_one_that_stands_still_counts_as_gone() -> None:
    answers, _ = asked("stop", "now")
    assert answers == ["Unavailable the worker stands still", "gone"]


def test_one_that_is_late_is_given_another_moment() -> None:
    answers, _ = asked("late", "but here", "double", "a")
    assert answers == ["str but here", "str aa", "closed"]
