"""One live answer, looked at with the set-up: what a person needs to choose pointers, and what is wrong, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.contracts import Change
from connectors.crms.rest import pointers
from connectors.crms.rest.definition import KindSetup
from connectors.crms.rest.paging import read_page
from connectors.crms.rest.records import change_of, id_of, modified_of
from connectors.crms.rest.wire import Wire
from connectors.errors import ConnectorError

SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """`document` is the answer as parsed, lists cut to five; `lists` are the pointers of lists in it, `row` the leaves of the first row."""

    address: str
    status: int = 0
    document: Any = None
    lists: tuple[str, ...] = ()
    row: dict[str, Any] = field(default_factory=dict)
    rows: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


def try_kind(wire: Wire, setup: KindSetup) -> Trial:
    """Fetch the first page and the second, and tell what fits. Never raises a connector's error."""
    address = wire.address(setup.list)
    try:
        document, reply = wire.fetch(address)
    except ConnectorError as error:
        return Trial(address, problem=str(error))
    made = Trial(address, reply.status, shortened(document), tuple(lists_in(document)), row=_first_row(document, setup))
    try:
        first = read_page(wire, setup, {}, {})
        second = read_page(wire, setup, first.following, {}) if first.following else None
    except ConnectorError as error:
        return _with(made, problem=str(error))
    changes = tuple(change_of(setup, row) for row in first.rows[:SHOWN_ROWS])
    return _with(made, rows=changes, notes=tuple(_notes(setup, first.rows, second.rows if second else None, first.without_id)))


def _with(trial: Trial, **changes: Any) -> Trial:
    values = {name: getattr(trial, name) for name in Trial.__dataclass_fields__}
    return Trial(**{**values, **changes})


def _first_row(document: Any, setup: KindSetup) -> dict[str, Any]:
    found = pointers.get(document, setup.rows)
    return pointers.leaves(found[0]) if isinstance(found, list) and found else {}


def _notes(setup: KindSetup, rows: Sequence[Any], second: Sequence[Any] | None, without_id: int) -> list[str]:
    notes = [f"{len(rows)} row(s) on the first page"]
    if without_id:
        notes.append(f"{without_id} row(s) have no id at {setup.id} and are left out")
    if setup.modified and rows and not any(modified_of(setup, row) for row in rows):
        notes.append(f"No row has a time at {setup.modified}; without one every run reads the whole list")
    if not setup.modified:
        notes.append("No time of modification: every run reads the whole list, and a fingerprint of each row tells what changed")
    ids = [id_of(setup, row) for row in rows]
    if len(rows) > 1 and ids not in (_sorted(ids), _sorted(ids)[::-1]):
        notes.append(
            "The rows are not ordered by id: while a list is read, rows may move between pages. Add the server's parameter for order"
        )
    if setup.paging.style != "none" and second is not None and not second:
        notes.append("The second page is empty or repeats the first: either this was all, or the server ignores the paging parameter")
    if setup.key and rows and all(pointers.get(row, setup.key) is pointers.MISSING for row in rows):
        notes.append(f"No row has {setup.key}: make a text field for our key over there, or leave 'key' out")
    return notes


def _sorted(ids: Sequence[str]) -> list[str]:
    return sorted(ids, key=lambda each: (len(each), each) if each.isdigit() else (0, each))


def shortened(value: Any, depth: int = 0) -> Any:
    """The answer with lists of objects cut to five, so that it fits on a page."""
    if isinstance(value, list):
        return [shortened(each, depth + 1) for each in value[:SHOWN_ROWS]]
    if isinstance(value, dict):
        return {name: shortened(each, depth + 1) for name, each in list(value.items())[:200]}
    return value[:500] if isinstance(value, str) else value


def lists_in(document: Any, steps: tuple[str, ...] = ()) -> list[str]:
    """Where lists of objects are: the candidates for the rows."""
    if isinstance(document, list):
        return [pointers.pointer(steps)] if not document or isinstance(document[0], dict) else []
    if isinstance(document, dict) and len(steps) < 4:
        return [each for name, part in document.items() for each in lists_in(part, (*steps, name))]
    return []
