"""The contract is documentation first. That every element has a comment is buf's to check; here is what it says."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from storekeeper.errors.v1.error_reason_pb2 import ErrorReason

PROTOS = Path(__file__).parents[2] / "protos"
STATUSES = {status.name for status in grpc.StatusCode}
REASONS = "storekeeper/errors/v1/error_reason.proto"

# "FAILED_PRECONDITION (LOCATION_INACTIVE, REASON_REQUIRED)": how a comment names a status and its reasons.
REFUSAL = re.compile(r"\b([A-Z]+(?:_[A-Z]+)*) \(((?:[A-Z]+_[A-Z_]+)(?:, [A-Z]+_[A-Z_]+)*)\)")
CONSTANT = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")
# They say nothing that the name has not said.
FILLERS = {"a", "an", "and", "for", "in", "is", "of", "that", "the", "this", "to", "value", "which"}


@dataclass(frozen=True, slots=True)
class Element:
    """A named part of the contract with its comment, on one line."""

    file: str
    name: str
    comment: str


def test_a_comment_says_more_than_the_name() -> None:
    """`// The quantity.` above `quantity` is no comment."""
    empty = [element.name for element in elements() if words(element.comment) <= words(element.name) | FILLERS]
    assert empty == []


def test_every_reason_opens_with_its_status() -> None:
    """A caller learns from one place under which status a reason comes."""
    unclear = [name for name, status in reason_statuses().items() if status not in STATUSES]
    assert unclear == ["ERROR_REASON_UNSPECIFIED"]  # Which is never sent.


def test_comments_name_reasons_under_their_own_status() -> None:
    """What an RPC says of its failures is what the catalogue of reasons says."""
    statuses = reason_statuses()
    wrong = [
        f"{element.name}: {status} ({reason})"
        for element in elements()
        for status, reasons in REFUSAL.findall(element.comment)
        for reason in reasons.split(", ")
        if statuses.get(reason) != status
    ]
    assert wrong == []


def test_constants_in_comments_exist() -> None:
    """A renamed value or reason is renamed in the text as well."""
    values = {element.name for element in elements() if element.name.isupper()}
    unknown = [
        f"{element.name}: {constant}"
        for element in elements()
        for constant in CONSTANT.findall(element.comment)
        if constant not in STATUSES and not any(value.endswith(constant) for value in values)
    ]
    assert unknown == []


def reason_statuses() -> dict[str, str]:
    """The status of each reason: the first word of its comment."""
    reasons = {element.name: element.comment for element in elements() if element.file == REASONS}
    return {name: reasons[name].partition(".")[0] for name in ErrorReason.DESCRIPTOR.values_by_name}


def words(text: str) -> set[str]:
    """The words of a text or of a name in any spelling."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", text)}


@cache
def elements() -> tuple[Element, ...]:
    """Every commented element of our own files."""
    with TemporaryDirectory() as folder:
        image = Path(folder) / "contract.binpb"
        subprocess.run([sys.executable, PROTOS / "generate.py", "--image", image], check=True)
        files = FileDescriptorSet.FromString(image.read_bytes()).file
    return tuple(element for file in files if file.package.startswith("storekeeper.") for element in commented(file))


def commented(file: FileDescriptorProto) -> Iterator[Element]:
    """Yield the elements of a file that have a comment and a name."""
    for location in file.source_code_info.location:
        comment = f"{location.leading_comments} {location.trailing_comments}"
        # An odd path leads to the syntax, the package or an import.
        if comment.strip() and len(location.path) % 2 == 0:
            yield Element(file.name, follow(file, location.path).name, " ".join(comment.split()))


def follow(file: FileDescriptorProto, path: Sequence[int]) -> Any:
    """Walk from a file to the element that a path of (field number, index) pairs leads to."""
    node: Any = file
    for number, index in zip(path[::2], path[1::2], strict=True):
        node = getattr(node, node.DESCRIPTOR.fields_by_number[number].name)[index]
    return node
