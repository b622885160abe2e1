"""One page of a list after the other, in five styles.

A list ends at an empty page, at a page that is gone (404), where the answer says that nothing follows, or where a page repeats the one
before: servers that ignore the page's number do that. A short page is no end, for servers cut a page that was asked too large.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.crms.rest import pointers
from connectors.crms.rest.definition import KindSetup
from connectors.crms.rest.records import id_of
from connectors.crms.rest.wire import Wire, until_readable
from connectors.errors import Gone, Misconfigured, OutcomeUnknown
from connectors.http import Reply
from connectors.untrusted import Json, as_text, clean, fingerprint

SAID_FAILURE = "The server answered with an error inside a good answer"
# Words of answers that say a failure although their status does not.
_FAILURES = ("error", "errors", "fault", "exception")
MOST_PAGES = 20_000
_LINK = re.compile(r"<([^>]{1,2000})>[^,]*;\s*rel=\"?next\"?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rows:
    """`following` is the position of the next page, None at the end; it can be stored as JSON. `without_id` counts unusable rows."""

    rows: tuple[Json, ...]
    following: Json | None
    without_id: int = 0


def read_page(wire: Wire, setup: KindSetup, position: Json, params: Mapping[str, str], size: int = 0) -> Rows:
    """The page at `position`, {} for the first. Raises connector errors; `Misconfigured` when the set-up does not fit the answer."""
    address = _address(wire, setup, position, params, size or setup.paging.size)
    try:
        document, reply, given = until_readable(lambda: _fetch(wire, setup, address))
    except Gone:
        # Where the list is narrowed to what somebody has or what is new, nothing is a usual answer.
        if position or params or setup.empty_404:
            return Rows((), None)
        raise Misconfigured(f"There is no list at {setup.list}; look at the path of {setup.kind}") from None
    rows = tuple(row for row in given if isinstance(row, dict) and id_of(setup, row))
    if given and not rows:
        raise Misconfigured(f"No row of {setup.kind} has an id at {setup.id or 'the row itself'}; choose another pointer for the id")
    print_ = fingerprint(clean([id_of(setup, row) for row in rows]))[:16]
    repeated = bool(position) and position.get("print") == print_
    following = _following(wire, setup, position, address, document, reply, len(given)) if rows and not repeated else None
    return Rows(() if repeated else rows, {**following, "print": print_} if following else None, len(given) - len(rows))


def _fetch(wire: Wire, setup: KindSetup, address: str) -> tuple[Any, Reply, list[Any]]:
    """The answer, and the rows in it."""
    document, reply = wire.fetch(address)
    return document, reply, rows_of(setup, document)


def rows_of(setup: KindSetup, document: Any) -> list[Any]:
    """The list of an answer. What says that it is a failure is one, whatever its status; else the set-up looks in the wrong place."""
    found = pointers.get(document, setup.rows)
    if found is None and document is None:
        return []
    if isinstance(found, list):
        return found
    if says_failure(document):
        raise OutcomeUnknown(SAID_FAILURE, code="HTTP 200")
    raise Misconfigured(f"The answer of {setup.kind} has no list at {setup.rows or 'its top'}; choose another pointer for the rows")


def says_failure(document: Any) -> bool:
    return isinstance(document, dict) and any(document.get(name) for name in _FAILURES)


def walk(wire: Wire, setup: KindSetup, params: Mapping[str, str] | None = None) -> Iterator[Json]:
    """All rows of the list."""
    position: Json | None = {}
    for _ in range(MOST_PAGES):
        if position is None:
            return
        page = read_page(wire, setup, position, params or {})
        yield from page.rows
        position = page.following
    raise Misconfigured(f"The list of {setup.kind} does not end after {MOST_PAGES} pages; look at its paging")


def _address(wire: Wire, setup: KindSetup, position: Json, params: Mapping[str, str], size: int) -> str:
    paging = setup.paging
    if "url" in position:
        return wire.following(wire.address(setup.list), as_text(position["url"]))
    asked = dict(params)
    if paging.style != "none" and paging.size_param:
        asked[paging.size_param] = str(size)
    if paging.style == "page" and paging.param:
        asked[paging.param] = str(_number(position, paging.first))
    elif paging.style == "offset" and paging.param:
        asked[paging.param] = str(_number(position, 0))
    elif paging.style == "cursor" and position:
        asked[paging.param] = as_text(position.get("cursor"))
    return wire.address(setup.list, asked)


def _number(position: Json, first: int) -> int:
    value = position.get("n", first)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else first


def _following(wire: Wire, setup: KindSetup, position: Json, address: str, document: Any, reply: Reply, count: int) -> Json | None:
    paging = setup.paging
    said = pointers.get(document, paging.next) if paging.next else pointers.MISSING
    if paging.next and not said:  # null, '', false, or not there: the answer says that this was the last page
        return None
    match paging.style:
        case "page":
            return {"n": _number(position, paging.first) + 1}
        case "offset":
            return {"n": _number(position, 0) + count}
        case "cursor":
            cursor = as_text(said)
            return {"cursor": cursor} if cursor and cursor != as_text(position.get("cursor")) else None
        case "link":
            found = _LINK.search(reply.headers.get("link", ""))
            url = as_text(said) if paging.next else found.group(1) if found else ""
            target = wire.following(address, url) if url else ""
            return {"url": target} if target and target != address else None
    return None
