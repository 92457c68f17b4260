"""Pages of a query's answer, and the links between them (Autotask REST, basic query calls, "Pagination").

A link says by itself where it goes on: the filter, and the id after which the page begins. So nothing has to be
remembered between two requests, rows that are added meanwhile move no other, and links never expire.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from storekeeper_kit.json_text import dump_json, load_json

from ...bodies import BadBody, read_json
from .errors import Refused

EARLIER_MAX: Final = 50
"""How many pages one can go back by links."""

SEARCH_CHARS_MAX: Final = 2000
"""A longer filter is left out of the link that follows a POST, whose client sends it again anyway."""

BEGINNING: Final = -1


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page begins, and how to get back to those before it."""

    size: int
    after: int = BEGINNING
    """The id of the row before its first one."""
    earlier: tuple[int, ...] = ()
    """The same of the pages before it, the first one first."""

    def following(self, last_id: int) -> "Page":
        """The page after this one, which ends with this row."""
        return replace(self, after=last_id, earlier=(*self.earlier, self.after)[-EARLIER_MAX:])

    def preceding(self) -> "Page | None":
        """The page before this one."""
        return replace(self, after=self.earlier[-1], earlier=self.earlier[:-1]) if self.earlier else None


def read_page(paging: str, size_max: int) -> Page:
    """The page that a link leads to."""
    try:
        said = load_json(paging)
        page = Page(_number(said["pageSize"]), _number(said["nextIds"][-1]), tuple(map(_number, said["previousIds"])))
    except (ValueError, TypeError, LookupError):
        raise Refused("The parameter paging is not from a link of ours.") from None
    if not 1 <= page.size <= size_max or len(page.earlier) > EARLIER_MAX:
        raise Refused("The parameter paging is not from a link of ours.")
    return page


def link(base: str, page: Page | None, search: str, *, can_omit: bool) -> str | None:
    """The address of a page; `base` is that of the query."""
    if page is None:
        return None
    paging = dump_json({"pageSize": page.size, "previousIds": page.earlier, "nextIds": (page.after,)})
    url = f"{base}/next?paging={quote(paging, safe='')}"
    is_left_out = can_omit and len(search) > SEARCH_CHARS_MAX
    return url if is_left_out else f"{url}&search={quote(search, safe='')}"


def read_search(text: str) -> Any:
    """The query in a URL: JSON, or JSON with single quotes."""
    try:
        return read_json(text)
    except BadBody:
        return read_json(_SINGLE_QUOTED.sub(_double_quoted, text))


def _number(value: Any) -> int:
    if type(value) is not int or not BEGINNING <= value < 2**63:
        raise ValueError("is no id")
    return value


def _double_quoted(match: re.Match[str]) -> str:
    return match[0] if match[1] is None else dump_json(match[1].replace("\\'", "'"))


_SINGLE_QUOTED: Final = re.compile(r"\\.|'((?:[^'\\]|\\.)*)'")
"""A text, or an escaped character outside of one: no text begins there, and a search without an end isn't begun again."""
