"""What a CRM adapter must hold so that both sides can be kept in step: its feeds, its hints, its conditions and its patience.

Each function gets an adapter and acts that make the other side do something. What the capabilities do not promise is not asked for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from connectors.conformance.crms import check_changes
from connectors.conformance.demands import demand
from connectors.contracts import Change, Crm, Hint, Json, Removal, Write
from connectors.errors import BadSignature, TryLater

MOST_PAGES = 200
# Tenths of a second after which a change must be in the feed.
SEEN_WITHIN = 40


def read_to_end(crm: Crm, kind: str, cursor: Json, limit: int) -> tuple[list[Change], Json]:
    """All changes from a position on, and the position after them. The position survives being stored as JSON."""
    found: list[Change] = []
    for _ in range(MOST_PAGES):
        page = crm.changes(kind, json.loads(json.dumps(cursor)), limit)
        found += [item for item in page.items if isinstance(item, Change)]
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError(f"the feed of {kind} did not end after {MOST_PAGES} pages")


def check_one_moment(crm: Crm, kind: str, ids: Sequence[str], limit: int) -> None:
    """Records with one and the same time are all seen, in pages that are smaller than their number."""
    demand(limit < len(ids), "the pages are smaller than the moment", limit)
    found = {change.id for change in check_changes(crm, kind, limit)}
    demand(set(ids) <= found, "records of one moment are all seen", sorted(set(ids) - found))


def check_going_on(crm: Crm, kind: str, change: Callable[[], str], limit: int = 50) -> None:
    """From the position after a run, a later change is seen, and the feed ends again; the version of what did not change stays."""
    before, cursor = read_to_end(crm, kind, {}, limit)
    changed = change()
    after, again = read_to_end(crm, kind, cursor, limit)
    demand(changed in {each.id for each in after}, "a change after a run is seen by the next", changed)
    versions = {each.id: each.version for each in before}
    for each in after:
        if each.id == changed:
            demand(each.version != versions.get(each.id), "a changed record has another version", each)
        elif each.id in versions:
            demand(each.version == versions[each.id], "an unchanged record keeps its version", each)
    read_to_end(crm, kind, again, limit)


def check_versions(crm: Crm, write: Write) -> None:
    """The version that a write returned is the one that is read afterwards, so that our own write is known again."""
    (outcome,) = crm.apply([write])
    (read,) = crm.read(write.kind, [outcome.id])
    demand(bool(outcome.version), "a write returns a version", outcome)
    demand(read.version == outcome.version, "what we wrote is known again by its version", read.version)


def check_comes_back(crm: Crm, write: Write, meanwhile: Callable[[str], None], name: str, value: str) -> None:
    """A record that we wrote and somebody changed over there comes by the feed and by its id: the new value, our key, another version.

    `name`: their field that is changed, `value`: what it is changed to.
    """
    (made,) = crm.apply([write])
    meanwhile(made.id)
    told: list[Change] = []
    values = {value, f"{value}.0"}
    found, cursor = read_to_end(crm, write.kind, {}, 50)
    for _ in range(SEEN_WITHIN):
        told = [change for change in found if change.id == made.id]
        if told and str(told[0].fields.get(name)) in values:
            break
        # A window of whole seconds ends before the present one.
        time.sleep(0.1)
        found, cursor = read_to_end(crm, write.kind, cursor, 50)
    demand(len(told) == 1, "a changed record is told once in a run", [change.id for change in found])
    (read,) = crm.read(write.kind, [made.id])
    for change in (told[0], read):
        demand(change.kind == write.kind, "a record says what it is", change.kind)
        demand(str(change.fields.get(name)) in values, "the new value is told", change.fields.get(name))
        # Within one tick of a coarse clock two states may have one version: then the values decide.
        coarse = crm.capabilities.resolution > timedelta(milliseconds=1)
        demand(coarse or change.version != made.version, "a change there is another version than our write", change.version)
        demand(write.key in map(str, change.fields.values()), "our key comes back", change.fields)


def check_lines(crm: Crm, record_id: str, name: str, expected: Sequence[Json]) -> None:
    """An order's lines come in the field `name` of the order, as `connectors.lines` words them, in the feed and when it is read.

    The field is described as one that only comes in.
    """
    described = {each.name: each for kind in crm.describe() if kind.kind == "order" for each in kind.fields}
    demand(name in described, "the field of the lines is described", sorted(described))
    told, _ = read_to_end(crm, "order", {}, 50)
    for change in (*(each for each in told if each.id == record_id), *crm.read("order", [record_id])):
        demand(change.fields.get(name) == list(expected), "the lines of an order come with it", change.fields.get(name))
    demand(record_id in {each.id for each in told}, "the order is told", record_id)


def check_removals(crm: Crm, kind: str, gone: str, known: Sequence[str], *, merged: tuple[str, str] | None = None) -> None:
    """A deleted record is told, one that is there is not, and a merged one is told with where it went."""
    found: list[Removal] = []
    cursor: Json = {}
    for _ in range(MOST_PAGES):
        page = crm.removals(kind, json.loads(json.dumps(cursor)), known)
        found += [item for item in page.items if isinstance(item, Removal)]
        cursor = page.cursor
        if not page.more:
            break
    else:
        raise AssertionError(f"the removals of {kind} did not end after {MOST_PAGES} pages")
    if "deletes" in crm.capabilities.feeds or known:
        demand(gone in {each.id for each in found}, "a deleted record is told", gone)
    there = {change.id for change in crm.read(kind, [each for each in known if each != gone])}
    lost = {each.id for each in found if not each.merged_into}
    demand(not there & lost, "a record that is there is not told as deleted", sorted(there & lost))
    if merged and "merges" in crm.capabilities.feeds:
        old, new = merged
        demand(new in {each.merged_into for each in found if each.id == old}, "a merged record is told with its survivor", found)


def check_hints(crm: Crm, body: bytes, headers: Mapping[str, str], url: str, expected: Sequence[Hint]) -> None:
    """A true call names its records, a forged one is refused, and a true one without sense names nothing."""
    named = {(hint.kind, hint.id) for hint in crm.hints(body, headers, url)}
    demand({(hint.kind, hint.id) for hint in expected} <= named, "a webhook names its records", sorted(named))
    for forged in ({}, {name: value[:-2] + "xx" for name, value in headers.items()}):
        try:
            crm.hints(body, forged, url)
        except BadSignature:
            continue
        raise AssertionError("a call with a wrong signature is refused")


def check_conditions(crm: Crm, write: Write, meanwhile: Callable[[str], None]) -> None:
    """Where it is promised, a write over a record that changed meanwhile is refused as a conflict, and nothing of it is done."""
    (made,) = crm.apply([write])
    meanwhile(made.id)
    (before,) = crm.read(write.kind, [made.id])
    (stale,) = crm.apply([replace(write, id=made.id, if_version=made.version)])
    demand(stale.status == "conflict", "a stale write is refused", stale)
    (after,) = crm.read(write.kind, [made.id])
    demand(before.fields == after.fields, "a refused write changes nothing", after)


def check_patience(call: Callable[[], object], *, least: timedelta = timedelta(0), scope: str = "connection") -> None:
    """A limit that is reached is told as such, with how long to wait and for whom."""
    try:
        call()
    except TryLater as error:
        demand(error.after > timedelta(0) and error.after >= least, "a limit says how long to wait", error.after)
        demand(error.scope == scope, "a limit says for whom", error.scope)
        return
    raise AssertionError("a reached limit is told")
