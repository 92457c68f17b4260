"""Writes `gen/` wholly from the .proto files beside this one, so that contract and code cannot part.

    python protos/generate.py                 bring gen/ up to date
    python protos/generate.py --check         name the files of gen/ that are not up to date, change nothing
    python protos/generate.py --image FILE    write the contract as one descriptor set, the form that buf reads

What comes out depends on the .proto files and the pinned generators only: the same on every machine.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from google.rpc import status_pb2

PROTOS = Path(__file__).parent
GEN = PROTOS.parent / "gen"
GOOGLEAPIS = Path(status_pb2.__file__).parents[2]  # googleapis-common-protos installs its .proto files beside its code.


def main(
    *,
    check: Annotated[bool, typer.Option("--check", help="Name the files that are not up to date.")] = False,
    image: Annotated[Path | None, typer.Option(help="Write a descriptor set, comments and imports included.")] = None,
) -> None:
    """Bring gen/ up to date with protos/."""
    if image:
        protoc("--include_imports", "--include_source_info", f"--descriptor_set_out={image}")
        return
    with TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        stale = [name for name in names(fresh) | names(GEN) if content(fresh / name) != content(GEN / name)]
        if not check:
            for name in stale:
                put(GEN / name, content(fresh / name))
        elif stale:
            sys.exit("\n".join(["not up to date (make gen):", *sorted(f"  gen/{name}" for name in stale)]))


def generate(folder: Path) -> None:
    """Generate messages, stubs and their types into an empty folder, and make it a typed package."""
    binaries = Path(sys.executable).parent
    protoc(
        f"--plugin={binaries / 'protoc-gen-mypy'}",
        f"--plugin={binaries / 'protoc-gen-mypy_grpc'}",
        f"--python_out={folder}",
        f"--grpc_python_out={folder}",
        f"--mypy_out=quiet:{folder}",
        f"--mypy_grpc_out=quiet:{folder}",
    )
    drop_empty_stubs(folder)
    for package in {parent for name in names(folder) for parent in name.parents if parent.name}:
        put(folder / package / "__init__.py", b"")
    put(folder / "storekeeper" / "py.typed", b"")


def protoc(*options: str) -> None:
    """Run the pinned protoc over all .proto files; what is wrong with one of them is protoc's to say."""
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"-I{GOOGLEAPIS}", *options, *sources]
    failure = subprocess.run(command, check=False).returncode
    if failure:
        sys.exit(failure)


def drop_empty_stubs(folder: Path) -> None:
    """Remove the stub modules of files without a service, which the generator writes all the same."""
    for module in folder.rglob("*_pb2_grpc.py"):
        if "\nclass " not in module.read_text():
            module.unlink()
            module.with_suffix(".pyi").unlink(missing_ok=True)


def names(folder: Path) -> set[Path]:
    """List the files of a tree, but not what Python compiled."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder) for path in files}


def content(path: Path) -> bytes | None:
    """Read a file; None when there is none."""
    return path.read_bytes() if path.exists() else None


def put(path: Path, data: bytes | None) -> None:
    """Write a file with the folders above it, or remove it."""
    if data is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    typer.run(main)
