"""Writing records: one outcome for each write in order, and one bad record harms no other.

A write without an id is an upsert by our unique key; where an object takes no unique field (activities), the record is looked for
first and made when there is none. A write with an id is an update of that record which also gives it our key: upserting there would
make a second record while the first does not carry the key yet.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from connectors.contracts import Outcome, Write
from connectors.crms.salesforce import linking
from connectors.crms.salesforce.objects import CONTACT, KEY, when_new, with_last_name
from connectors.crms.salesforce.org import Org
from connectors.crms.salesforce.reading import retrieve
from connectors.crms.salesforce.refusals import DELETED, DUPLICATE, candidates_of
from connectors.crms.salesforce.removals import moved_to
from connectors.crms.salesforce.schema import Described
from connectors.crms.salesforce.sending import Result, Row, Way, is_locked, send_alone, send_rows, send_unless_modified
from connectors.crms.salesforce.soql import is_id
from connectors.crms.salesforce.values import content_of, to_theirs, version_of
from connectors.crms.salesforce.wire import BATCH
from connectors.http import Reply
from connectors.timestamps import moment
from connectors.untrusted import as_text

# Waits in seconds before rows that another process holds are sent again.
LOCK_WAITS = (0.3, 0.9)
_STALE = "the record was changed in Salesforce meanwhile"
_ID_IN_PATH = re.compile(r"/([A-Za-z0-9]{15,18})(?![A-Za-z0-9])", re.ASCII)


def apply_writes(org: Org, writes: Sequence[Write]) -> list[Outcome]:
    """One outcome per write, in order. Raises only what concerns the connection; then everything may be applied again."""
    outcomes: dict[int, Outcome] = {}
    for sobject, batch in _batches(org, writes):
        outcomes |= _write_batch(org, sobject, batch)
    joined = linking.add_roles(org, [(place, write, outcomes[place]) for place, write in enumerate(writes) if write.kind == "deal"])
    for place, reason in joined.items():
        outcomes[place] = replace(outcomes[place], reason="; ".join(filter(None, [outcomes[place].reason, reason])))
    return [outcomes[place] for place in range(len(writes))]


def _batches(org: Org, writes: Iterable[Write]) -> Iterator[tuple[str, list[tuple[int, Write]]]]:
    """Writes of one object, at most `BATCH`, no record twice in a batch; the order of a record's writes is kept."""
    batches: dict[str, list[tuple[int, Write]]] = {}
    for place, write in enumerate(writes):
        sobject = org.object_for(write.kind, write.id)
        batch = batches.setdefault(sobject, [])
        if len(batch) >= BATCH or any(write.key == other.key or (write.id and write.id == other.id) for _, other in batch):
            yield sobject, batch
            batch = batches[sobject] = []
        batch.append((place, write))
    yield from ((sobject, batch) for sobject, batch in batches.items() if batch)


def _write_batch(org: Org, sobject: str, batch: list[tuple[int, Write]]) -> dict[int, Outcome]:
    described = org.keyed(sobject)
    new = [write.key for _, write in batch if not write.id]
    there = org.ids_by_key(sobject, new) if new else {}
    doubled = {place: _ambiguous(write, there[write.key]) for place, write in batch if not write.id and len(there.get(write.key, ())) > 1}
    rows = [_row(org, described, place, write, there) for place, write in batch if place not in doubled]
    stale, stamps = _stale(org, described, rows)
    todo = [row for row in rows if row.place not in stale]
    outcomes = doubled | stale | _judged(org, described, todo, _sent(org, described, todo, stamps))
    return _with_versions(org, described, outcomes)


def _row(org: Org, described: Described, place: int, write: Write, there: dict[str, list[str]]) -> Row:
    known = write.id or next(iter(there.get(write.key, [])), "")
    fields = with_last_name(described.sobject, write.fields)
    needed = when_new(described.sobject, write.key, fields, datetime.now(UTC).date())
    if known:  # what a record cannot be without is never cleared
        fields = {name: value for name, value in fields.items() if name not in needed}
    else:
        fields = fields | needed
        if described.sobject == CONTACT and org.account and not fields.get("AccountId"):
            fields = fields | {"AccountId": org.account}
    body = {name: to_theirs(value, described.types.get(name, "")) for name, value in fields.items()}
    # A record that was found by its key is written by its id only where the key cannot do it.
    record_id = write.id or ("" if described.upserts else known)
    return Row(place, write, described.sobject, record_id, body, linking.columns(write))


def _sent(org: Org, described: Described, rows: list[Row], stamps: dict[int, datetime | None]) -> dict[int, Result]:
    conditional = [row for row in rows if row.place in stamps]
    if len(conditional) == 1 == len(rows):
        results = {conditional[0].place: send_unless_modified(org.wire, conditional[0], stamps[conditional[0].place])}
    else:
        results = _send_each_way(org, described, rows)
    for wait in LOCK_WAITS:
        locked = [row for row in rows if is_locked(results[row.place])]
        if not locked:
            break
        time.sleep(wait)
        results |= _send_each_way(org, described, locked)
    return results


def _send_each_way(org: Org, described: Described, rows: list[Row]) -> dict[int, Result]:
    ways: dict[Way, list[Row]] = {}
    for row in rows:
        way: Way = "update" if row.record_id else "upsert" if described.upserts else "create"
        ways.setdefault(way, []).append(row)
    found: dict[int, Result] = {}
    for way, some in ways.items():
        results = send_rows(org.wire, way, some)
        found |= {place: result._replace(created=not result.errors) for place, result in results.items()} if way == "create" else results
    return found


# --- what became of them --------------------------------------------------------------------------------------------


def _judged(org: Org, described: Described, rows: list[Row], results: dict[int, Result]) -> dict[int, Outcome]:
    unlinked = [replace(row, links={}) for row in rows if row.links and results[row.place].code in linking.REFUSED]
    again = _sent(org, described, unlinked, {}) if unlinked else {}
    reasons = {row.place: linking.not_joined(row.write, results[row.place].words) for row in unlinked if not again[row.place].errors}
    results = results | again
    lost = [row for row in rows if row.record_id and results[row.place].code in DELETED]
    moved = moved_to(org.wire, described.sobject, [row.record_id for row in lost]) if lost else {}
    holders = _keys_of(org, sorted(set(moved.values()))) if moved else {}
    outcomes: dict[int, Outcome] = {}
    for row in rows:
        result = results[row.place]
        if not result.errors:
            status = "created" if result.created else "updated"
            outcomes[row.place] = Outcome(row.write.key, status, result.id, reason=reasons.get(row.place, ""))  # type: ignore[arg-type]
        elif row in lost:
            outcomes[row.place] = _lost(row, result, moved.get(row.record_id, ""), holders)
        else:
            outcomes[row.place] = _refused(org, row, result)
    return outcomes


def _lost(row: Row, result: Result, into: str, holders: dict[str, str]) -> Outcome:
    """The record is gone, or lives on as another one, which may be somebody else's of ours."""
    if not into:
        return Outcome(row.write.key, "gone", row.record_id, reason=result.words)
    if holders.get(into, "") not in {"", row.write.key}:
        reason = f"the record was merged in Salesforce into {into}, which belongs to another record here"
        return Outcome(row.write.key, "duplicate", row.record_id, candidates=(into,), reason=reason)
    return Outcome(row.write.key, "moved", into, reason=f"merged or converted in Salesforce into {into}")


def _keys_of(org: Org, ids: list[str]) -> dict[str, str]:
    """{record: our key that it carries}."""
    groups: dict[str, list[str]] = {}
    for each in ids:
        groups.setdefault(org.object_for("contact", each), []).append(each)
    return {
        as_text(row.get("Id")): as_text(row.get(KEY))
        for sobject, some in groups.items()
        for row in retrieve(org.wire, org.keyed(sobject), some, ["Id", KEY])
    }


def _refused(org: Org, row: Row, result: Result) -> Outcome:
    if result.code == "PRECONDITION_FAILED":
        return Outcome(row.write.key, "conflict", row.record_id, reason=_STALE)
    if result.code not in DUPLICATE:
        return Outcome(row.write.key, "rejected", row.record_id, reason=result.words or "refused without a reason")
    found = candidates_of(result.errors[0]) if result.errors else ()
    if found:
        return _duplicate(row, found, result)
    # The answer for many rows names the rule only; the same row alone is refused with the records that it found.
    reply, alone = send_alone(org.wire, row)
    if not alone.errors:
        return Outcome(row.write.key, "created" if alone.created else "updated", alone.id)
    if alone.code not in DUPLICATE:
        return Outcome(row.write.key, "rejected", row.record_id, reason=alone.words or result.words)
    return _duplicate(row, candidates_of(alone.errors[0]) or _choices(reply), alone)


def _duplicate(row: Row, candidates: Iterable[str], result: Result) -> Outcome:
    others = tuple(each for each in candidates if each[:15] != row.record_id[:15] or not row.record_id)
    return Outcome(row.write.key, "duplicate", row.record_id, candidates=others, reason=result.words or "several records carry this key")


def _choices(reply: Reply) -> tuple[str, ...]:
    """The records that an ambiguous key leads to: a list of addresses."""
    document = reply.json_or_none() if reply.status == 300 else None
    found = [each for path in document if isinstance(path, str) for each in _ID_IN_PATH.findall(path)] if isinstance(document, list) else []
    return tuple(dict.fromkeys(each for each in found if is_id(each)))


def _ambiguous(write: Write, ids: list[str]) -> Outcome:
    return Outcome(write.key, "duplicate", candidates=tuple(ids), reason=f"{len(ids)} records in Salesforce carry the key {write.key}")


# --- versions -------------------------------------------------------------------------------------------------------


def _stale(org: Org, described: Described, rows: list[Row]) -> tuple[dict[int, Outcome], dict[int, datetime | None]]:
    """Conflicts with `if_version`, and when the others were modified. Nothing refuses a stale row among many, so they are read before."""
    asked = [row for row in rows if row.record_id and row.write.if_version]
    if not asked:
        return {}, {}
    present = {as_text(row.get("Id"))[:15]: row for row in retrieve(org.wire, described, [row.record_id for row in asked])}
    stale: dict[int, Outcome] = {}
    stamps: dict[int, datetime | None] = {}
    for row in asked:
        record = present.get(row.record_id[:15])
        version = version_of(record, described.writable) if record else ""
        if record and content_of(version) != content_of(row.write.if_version):
            stale[row.place] = Outcome(row.write.key, "conflict", row.record_id, version, reason=_STALE)
        elif record:
            stamps[row.place] = moment(record.get("SystemModstamp"))
    return stale, stamps


def _with_versions(org: Org, described: Described, outcomes: dict[int, Outcome]) -> dict[int, Outcome]:
    """The version that each write left. None where somebody else has changed the record already: that change is still to be read."""
    ids = [outcome.id for outcome in outcomes.values() if outcome.status in {"created", "updated"}]
    if not ids:
        return outcomes
    me = org.me()
    present = {as_text(row.get("Id"))[:15]: row for row in retrieve(org.wire, described, ids)}
    found = dict(outcomes)
    for place, outcome in outcomes.items():
        record = present.get(outcome.id[:15]) if outcome.status in {"created", "updated"} else None
        if record and (not me or as_text(record.get("LastModifiedById"))[:15] == me[:15]):
            found[place] = replace(outcome, id=as_text(record.get("Id")), version=version_of(record, described.writable))
    return found
