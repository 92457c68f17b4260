"""R18: what went wrong in other systems, thread by thread. They are ordinary tests; here they are counted."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from tests.torture.stage import Stage

TESTS: Final = Path(__file__).parents[1]
LESSON: Final = re.compile(r"^test_(\d\d)_")


def run(stage: Stage, _times: int) -> None:
    """Run them once: they are the same every time."""
    files = sorted(str(file) for file in TESTS.rglob("test_lessons*.py"))
    report = stage.folder / "lessons.xml"
    command = [sys.executable, "-m", "pytest", "-n0", "-q", f"--junitxml={report}", *files]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS.parent)
    lessons: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own
        match = LESSON.match(case.get("name", ""))
        if match and not list(case):
            lessons[match[1]] += 1
    stage.counts |= {"lessons": len(lessons), "tests of them": lessons.total()}
    assert ran.returncode == 0, ran.stdout[-4000:]
