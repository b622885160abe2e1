"""Writing records: a hundred a batch, one outcome for each write in order, and one bad record harms no other.

A write without an id is an upsert by our unique key. A write with an id is an update of that record which also gives it our
key: upserting there would make a second record while the first does not carry the key yet.
A batch that is refused as a whole is halved until the bad rows stand alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.contracts import Link, Outcome, Write
from connectors.crms.hubspot.records import KEY_PROPERTY, text_of, version_of
from connectors.crms.hubspot.wire import BATCH, OPTIONAL, Wire, object_type, refusal
from connectors.errors import ConnectorError, Gone, Misconfigured, OutcomeUnknown, Rejected
from connectors.http import Reply
from connectors.untrusted import Json, as_list, as_object, as_text

# What every communication needs, and a deal or ticket when it is new; the mapping may say otherwise.
COMMUNICATION_DEFAULTS = {"hs_communication_channel_type": "WHATS_APP", "hs_communication_logged_from": "CRM"}
DEAL_DEFAULTS = {"pipeline": "default", "dealstage": "appointmentscheduled"}
TICKET_DEFAULTS = {"hs_pipeline": "0", "hs_pipeline_stage": "1"}
NEW_DEFAULTS = {"deal": DEAL_DEFAULTS, "case": TICKET_DEFAULTS}

# Products are associated with nothing; what is sold is a line item, made of one.
_PRODUCT = "product"
_ROW_STATUSES = frozenset({400, 404, 409, 422})
_EXISTING_ID = re.compile(r"Existing ID: ([0-9]{1,20})")


@dataclass(frozen=True, slots=True)
class _Row:
    """One write with its place in the answer; the place travels as `objectWriteTraceId`."""

    place: int
    write: Write


def apply_writes(wire: Wire, writes: Sequence[Write]) -> list[Outcome]:
    """One outcome per write, in order. Raises only what concerns the connection; then everything may be applied again."""
    outcomes: dict[int, Outcome] = {}
    for batch in _batches(_Row(place, write) for place, write in enumerate(writes)):
        outcomes |= _write_optional(wire, batch) if batch[0].write.kind in OPTIONAL else _write_batch(wire, batch)
    for place, write in enumerate(writes):
        outcomes[place] = _with_links(wire, write, outcomes[place])
    return [outcomes[place] for place in range(len(writes))]


def _batches(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Rows of one kind and one way of writing, at most `BATCH`, no record twice in a batch; the order of a record's writes is kept."""
    open_batches: dict[tuple[str, bool], list[_Row]] = {}
    for row in rows:
        object_type(row.write.kind)
        way = (row.write.kind, bool(row.write.id))
        batch = open_batches.setdefault(way, [])
        if len(batch) >= BATCH or any(_same_record(row.write, other.write) for other in batch):
            yield batch
            batch = open_batches[way] = []
        batch.append(row)
    yield from (batch for batch in open_batches.values() if batch)


def _same_record(one: Write, other: Write) -> bool:
    return one.key == other.key or bool(one.id and one.id == other.id)


def _write_batch(wire: Wire, rows: list[_Row]) -> dict[int, Outcome]:
    stale = _stale(wire, rows)
    todo = [row for row in rows if row.place not in stale]
    new_keys = _unknown_keys(wire, todo)
    return stale | _send(wire, todo, new_keys) if todo else stale


def _write_optional(wire: Wire, rows: list[_Row]) -> dict[int, Outcome]:
    """A token of an older app may lack their scope: these are refused with that reason, all else goes on."""
    try:
        return _write_batch(wire, rows)
    except Misconfigured as error:
        return {row.place: Outcome(row.write.key, "rejected", row.write.id, reason=str(error)) for row in rows}


def _send(wire: Wire, rows: list[_Row], new_keys: frozenset[str]) -> dict[int, Outcome]:
    kind, known = rows[0].write.kind, bool(rows[0].write.id)
    inputs = [_update_input(row) if known else _upsert_input(row, new_keys) for row in rows]
    reply = wire.send("POST", wire.objects(kind, "batch", "update" if known else "upsert"), {"inputs": inputs})
    if not reply.ok and reply.status not in _ROW_STATUSES:
        raise refusal(reply)
    document = as_object(reply.json() if reply.ok else reply.json_or_none())
    done = _matched(rows, document)
    left = [row for row in rows if row.place not in done]
    if not left:
        return done
    if len(rows) == 1:
        return {rows[0].place: _refused(rows[0].write, reply, document)}
    middle = (len(left) + 1) // 2
    for half in filter(None, (left[:middle], left[middle:])):
        done |= _send(wire, half, new_keys)
    return done


def _upsert_input(row: _Row, new_keys: frozenset[str]) -> Json:
    write = row.write
    first = NEW_DEFAULTS.get(write.kind, {}) if write.key in new_keys else {}
    defaults = COMMUNICATION_DEFAULTS if write.kind == "communication" else first
    properties = _properties({**defaults, **write.fields, KEY_PROPERTY: write.key})
    return {"id": write.key, "idProperty": KEY_PROPERTY, "properties": properties, "objectWriteTraceId": str(row.place)}


def _update_input(row: _Row) -> Json:
    write = row.write
    return {"id": write.id, "properties": _properties({**write.fields, KEY_PROPERTY: write.key}), "objectWriteTraceId": str(row.place)}


def _properties(fields: Json) -> dict[str, str]:
    return {name: text_of(value) for name, value in fields.items()}


# --- reading the answer ---------------------------------------------------------------------------------------------


def _matched(rows: list[_Row], document: Json) -> dict[int, Outcome]:
    """The outcomes that the answer states, by trace id first, else by key or id."""
    found: dict[int, Outcome] = {}
    for result in map(as_object, as_list(document.get("results"))):
        row = _row_of(rows, _names(result, as_object(result.get("properties")).get(KEY_PROPERTY), result.get("id")))
        if row and as_text(result.get("id")):
            found[row.place] = _written(row.write, result)
    for error in map(as_object, as_list(document.get("errors"))):
        context = as_object(error.get("context"))
        names = [*_names(context, *_listed(context.get("ids"))), *_listed(context.get("id")), *_listed(context.get(KEY_PROPERTY))]
        row = _row_of(rows, names)
        if row and row.place not in found:
            found[row.place] = _row_error(row.write, error)
    return found


def _names(holder: Json, *others: Any) -> list[str]:
    trace = [f"trace:{each}" for each in _listed(holder.get("objectWriteTraceId"))]
    return trace + [text for text in map(as_text, others) if text]


def _listed(value: Any) -> list[str]:
    return [text for text in map(as_text, value if isinstance(value, list) else [value]) if text]


def _row_of(rows: list[_Row], names: list[str]) -> _Row | None:
    for name in names:
        for row in rows:
            if name in {f"trace:{row.place}", row.write.key} or (row.write.id and name == row.write.id):
                return row
    return None


def _written(write: Write, result: Json) -> Outcome:
    record_id = as_text(result.get("id"))
    if write.id and record_id != write.id:  # a merge gave the survivor another id
        return Outcome(write.key, "moved", record_id, version_of(result))
    return Outcome(write.key, "created" if result.get("new") is True else "updated", record_id, version_of(result))


def _row_error(write: Write, error: Json) -> Outcome:
    category, message = as_text(error.get("category")).upper(), as_text(error.get("message"))[:500]
    if category in {"OBJECT_NOT_FOUND", "NOT_FOUND"}:
        return Outcome(write.key, "gone", write.id, reason=message)
    if category in {"CONFLICT", "OBJECT_ALREADY_EXISTS"}:
        return Outcome(write.key, "duplicate", write.id, candidates=_candidates(error, message), reason=message)
    return Outcome(write.key, "rejected", write.id, reason=": ".join(filter(None, [category, message])) or "refused without a reason")


def _candidates(error: Json, message: str) -> tuple[str, ...]:
    """The records in the way. HubSpot names them in its sentence only; without them a person searches, so a miss costs little."""
    stated = _listed(as_object(error.get("context")).get("existingObjectId"))
    return tuple(dict.fromkeys([*stated, *_EXISTING_ID.findall(message)]))


def _refused(write: Write, reply: Reply, document: Json) -> Outcome:
    """The outcome of a row that was sent alone."""
    if reply.ok:
        raise OutcomeUnknown("HubSpot's answer does not say what became of a record", code=f"HTTP {reply.status}")
    category = {404: "OBJECT_NOT_FOUND", 409: "CONFLICT"}.get(reply.status, as_text(document.get("category")))
    return _row_error(write, {**document, "category": category})


# --- what must be read first ----------------------------------------------------------------------------------------


def _stale(wire: Wire, rows: list[_Row]) -> dict[int, Outcome]:
    """Conflicts with `if_version`: HubSpot refuses no stale write, so the versions are read just before."""
    asked = [row for row in rows if row.write.id and row.write.if_version]
    versions = (
        {
            as_text(record.get("id")): version_of(record)
            for record in read_batch(wire, asked[0].write.kind, [row.write.id for row in asked], [])
        }
        if asked
        else {}
    )
    return {
        row.place: Outcome(
            row.write.key, "conflict", row.write.id, versions[row.write.id], reason="the record was changed in HubSpot meanwhile"
        )
        for row in asked
        if row.write.id in versions and versions[row.write.id] != row.write.if_version
    }


def _unknown_keys(wire: Wire, rows: list[_Row]) -> frozenset[str]:
    """Keys of deals and tickets that HubSpot does not have yet: only those get a first stage, a repeated write must not move one back.

    The rows are of one kind.
    """
    keys = [row.write.key for row in rows if row.write.kind in NEW_DEFAULTS and not row.write.id]
    if not keys:
        return frozenset()
    present = read_batch(wire, rows[0].write.kind, keys, [KEY_PROPERTY], id_property=KEY_PROPERTY)
    return frozenset(keys) - {as_text(as_object(record.get("properties")).get(KEY_PROPERTY)) for record in present}


def read_batch(wire: Wire, kind: str, ids: Sequence[str], properties: list[str], id_property: str = "") -> list[Json]:
    """The records that exist among `ids`, any number of them."""
    found: list[Json] = []
    for start in range(0, len(ids), BATCH):
        inputs = [{"id": each} for each in dict.fromkeys(ids[start : start + BATCH])]
        body: Json = {"inputs": inputs, "properties": properties, "propertiesWithHistory": []}
        reply = wire.send("POST", wire.objects(kind, "batch", "read"), body | ({"idProperty": id_property} if id_property else {}))
        if reply.status == 404:  # none of them
            continue
        if not reply.ok:
            raise refusal(reply)
        found += [record for record in as_list(as_object(reply.json()).get("results")) if isinstance(record, dict)]
    return found


# --- associations ---------------------------------------------------------------------------------------------------


def _with_links(wire: Wire, write: Write, outcome: Outcome) -> Outcome:
    """The outcome after its associations; one that HubSpot refuses is told in the reason, the record itself stands."""
    if not outcome.id or outcome.status not in {"created", "updated", "unchanged", "moved"}:
        return outcome
    links = [link for link in write.links if _PRODUCT not in (write.kind, link.kind)]
    reasons = [reason for link in links if (reason := _link(wire, write.kind, outcome.id, link))]
    return replace(outcome, reason="; ".join(reasons)) if reasons else outcome


def _link(wire: Wire, kind: str, record_id: str, link: Link) -> str:
    path = wire.objects(kind, record_id, "associations", "default", object_type(link.kind), link.id)
    try:
        wire.call("PUT", path)
    except (Gone, Rejected) as error:
        return f"not associated with {link.kind} {link.id}: {_short(error)}"
    return ""


def _short(error: ConnectorError) -> str:
    return (error.detail or error.title)[:200]
