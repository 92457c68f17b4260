"""Everything that can be judged without running the services, one line a step: `make check`."""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

RELEASED = Path("protos/released.binpb")


def main() -> None:
    """Run every step, even after a failure, and show in full what the failing ones said."""
    console = Console(highlight=False)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with TemporaryDirectory() as folder:
        failed = [
            name for name, command in steps(f"{folder}/contract.binpb").items() if not passes(console, name, command)
        ]
    if failed:
        console.print(f"[red]{len(failed)} failed:[/] {', '.join(failed)}")
        sys.exit(1)


def steps(image: str) -> dict[str, str]:
    """Name each step's command; `image` is where they keep the compiled contract."""
    checks = {
        "format": "ruff format --check",
        "lint": "ruff check --output-format concise",
        "types": "mypy",
        "architecture": "pytest -q tests/architecture",
        "generated code": "python protos/generate.py --check",
        "contract compiles": f"python protos/generate.py --image {image}",
        "contract format": "buf format protos --diff --exit-code",
        "contract lint": f"buf lint {image} --config protos/buf.yaml",
    }
    if RELEASED.exists():  # Before the first release there is nothing to be compatible with.
        checks["contract compatibility"] = f"buf breaking {image} --against {RELEASED} --config protos/buf.yaml"
    return checks


def passes(console: Console, name: str, command: str) -> bool:
    """Run one step and print its line."""
    start = time.monotonic()
    done = subprocess.run(
        shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    passed = done.returncode == 0
    verdict = "[green]ok[/]    " if passed else "[red]failed[/]"
    console.print(f"{name:22} {verdict} {time.monotonic() - start:5.1f} s")
    if not passed:
        console.out(f"$ {command}\n{done.stdout}")
    return passed


if __name__ == "__main__":
    main()
