"""Writing records: a hundred a call, one outcome for each write in order, and one bad record harms no other.

A write without an id is an upsert by our unique field. A write with an id is an update of that record which also gives it our key:
upserting there would make a second record while the first does not carry the key yet. A call that is refused as a whole is halved
until the bad rows stand alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from connectors.contracts import Outcome, Write
from connectors.crms.zoho.modules import NOTES
from connectors.crms.zoho.notes import write_notes
from connectors.crms.zoho.org import Org
from connectors.crms.zoho.reading import read_versions
from connectors.crms.zoho.refusals import problem, refusal
from connectors.crms.zoho.rows import Row, answers_of, judged, refused, row_of
from connectors.crms.zoho.tagging import set_tags
from connectors.crms.zoho.values import TAGS, tag_names
from connectors.crms.zoho.wire import BATCH
from connectors.errors import OutcomeUnknown
from connectors.http import Reply
from connectors.untrusted import as_text

WRITTEN = frozenset({"created", "updated", "unchanged"})
# What may be one bad row's doing when it comes with the whole call; everything else concerns all of them.
_ROW_STATUSES = frozenset({400, 404, 409, 412, 413, 422})


def apply_writes(org: Org, writes: Sequence[Write]) -> list[Outcome]:
    """One outcome per write, in order. Raises only what concerns the connection; then everything may be applied again."""
    outcomes: dict[int, Outcome] = {}
    for module, batch in _batches(org, writes):
        found = write_notes(org, batch) if module == NOTES else _write_batch(org, module, batch)
        outcomes |= _with_tags(org, module, batch, found)
    return [outcomes[place] for place in range(len(writes))]


def _batches(org: Org, writes: Sequence[Write]) -> Iterator[tuple[str, list[tuple[int, Write]]]]:
    """Writes of one module and one way of writing, at most `BATCH`, no record twice in a batch; the order of a record's writes is kept."""
    open_batches: dict[tuple[str, bool, bool], list[tuple[int, Write]]] = {}
    for place, write in enumerate(writes):
        way = (org.module(write.kind), bool(write.id), bool(write.id and write.if_version))
        for other, batch in open_batches.items():
            full = other == way and len(batch) >= BATCH
            if full or any(_same_record(write, earlier) for _, earlier in batch):
                if batch:
                    yield other[0], batch
                open_batches[other] = []
        open_batches.setdefault(way, []).append((place, write))
    yield from ((way[0], batch) for way, batch in open_batches.items() if batch)


def _same_record(one: Write, other: Write) -> bool:
    return one.kind == other.kind and (one.key == other.key or bool(one.id and one.id == other.id))


def _write_batch(org: Org, module: str, batch: list[tuple[int, Write]]) -> dict[int, Outcome]:
    key_field = org.schema.key_field(module)
    done: dict[int, Outcome] = {}
    rows: list[Row] = []
    for place, write in batch:
        made = row_of(org, module, place, write, key_field)
        if isinstance(made, Row):
            rows.append(made)
        else:
            done[place] = made
    if rows and rows[0].version:
        return done | _send_conditional(org, module, rows)
    return done | (_send(org, module, rows, key_field) if rows else {})


# --- one call -------------------------------------------------------------------------------------------------------


def _send(org: Org, module: str, rows: list[Row], key_field: str, if_version: str = "") -> dict[int, Outcome]:
    """Rows of one way of writing. `if_version` goes along as If-Unmodified-Since."""
    body = {"data": [row.body for row in rows], "trigger": org.trigger}
    headers = {"if-unmodified-since": if_version} if if_version else None
    if rows[0].write.id:
        reply = org.wire.send("PUT", f"/{module}", body, headers=headers)
    else:
        reply = org.wire.send("POST", f"/{module}/upsert", {**body, "duplicate_check_fields": [key_field]}, headers=headers)
    answers = answers_of(reply.json() if reply.ok else reply.json_or_none())
    if len(answers) != len(rows) or (not reply.ok and len(rows) > 1 and len(answers) < 2):
        return _send_apart(org, module, rows, key_field, if_version, reply)
    done: dict[int, Outcome] = {}
    again: list[Row] = []
    for row, answer in zip(rows, answers, strict=True):
        verdict = judged(org, module, row, answer)
        if verdict is None:
            raise OutcomeUnknown("Zoho's answer does not say what became of a record", code=f"HTTP {reply.status}")
        if isinstance(verdict, Outcome):
            done[row.place] = verdict
        else:
            again.append(verdict)
    return done | (_send(org, module, again, key_field, if_version) if again else {})


def _send_apart(org: Org, module: str, rows: list[Row], key_field: str, if_version: str, reply: Reply) -> dict[int, Outcome]:
    """After an answer that does not fit the rows: a refusal of the whole, or rows that are missing. Repeating a write is harmless."""
    if not reply.ok and reply.status not in _ROW_STATUSES:
        raise refusal(reply, f"/{module}", org.wire.data_centre)
    if len(rows) == 1:
        return {rows[0].place: _alone(org, module, rows[0], reply)}
    middle = (len(rows) + 1) // 2
    first = _send(org, module, rows[:middle], key_field, if_version)
    return first | _send(org, module, rows[middle:], key_field, if_version)


def _alone(org: Org, module: str, row: Row, reply: Reply) -> Outcome:
    """The outcome of a row that was sent alone and refused with the whole call."""
    told = problem(reply.json_or_none())
    code = as_text(told.get("code")).upper()
    if reply.status == 412 or code == "ALREADY_MODIFIED":
        return refused(row.write, "ALREADY_MODIFIED", told)
    if reply.ok and code in {"", "SUCCESS"}:
        raise OutcomeUnknown("Zoho's answer does not say what became of a record", code=f"HTTP {reply.status}")
    if code in {"INVALID_MODULE", "INVALID_URL_PATTERN", "NO_PERMISSION", "FEATURE_NOT_SUPPORTED"}:
        raise refusal(reply, f"/{module}", org.wire.data_centre)
    if reply.status == 404 and row.write.id:
        return Outcome(row.write.key, "gone", row.write.id, reason=code or "HTTP 404")
    verdict = judged(org, module, row, told) if code else None
    if isinstance(verdict, Outcome):
        return verdict
    return refused(row.write, code or f"HTTP {reply.status}", told)


# --- conditions -----------------------------------------------------------------------------------------------------


def _send_conditional(org: Org, module: str, rows: list[Row]) -> dict[int, Outcome]:
    """Rows that must still be the version we know. The condition is one time for a whole call: many rows are looked at first, and go
    together with the newest of their versions, so that whatever changed after the look is refused; refused ones then go alone.
    """
    done: dict[int, Outcome] = {}
    if len(rows) > 1:
        versions = read_versions(org, module, [row.write.id for row in rows])
        for row in rows:
            held = versions.get(row.write.id)
            if held is not None and held != row.version:
                done[row.place] = replace(refused(row.write, "ALREADY_MODIFIED", {}), version=held)
        rows = [row for row in rows if row.place not in done]
        if len(rows) > 1:
            together = _send(org, module, rows, "", max(row.version for row in rows))
            refused_rows = [row for row in rows if together[row.place].status == "conflict"]
            done |= {place: outcome for place, outcome in together.items() if outcome.status != "conflict"}
            rows = refused_rows
    for row in rows:
        done |= _send(org, module, [row], "", row.version)
    return done | _with_versions(org, module, [row for row in rows if done[row.place].status == "conflict"], done)


def _with_versions(org: Org, module: str, rows: Iterable[Row], done: dict[int, Outcome]) -> dict[int, Outcome]:
    """Conflicts with the version over there, where Zoho did not name it."""
    unknown = [row for row in rows if not done[row.place].version]
    held = read_versions(org, module, [row.write.id for row in unknown]) if unknown else {}
    return {row.place: replace(done[row.place], version=held.get(row.write.id, "")) for row in unknown}


# --- tags -----------------------------------------------------------------------------------------------------------


def _with_tags(org: Org, module: str, batch: list[tuple[int, Write]], done: dict[int, Outcome]) -> dict[int, Outcome]:
    """The outcomes after the tags. A tag counts as a change over there, so the versions are read again; a refused one is told."""
    wanted = {
        done[place].id: tag_names(write.fields[TAGS]) for place, write in batch if TAGS in write.fields and done[place].status in WRITTEN
    }
    if not wanted:
        return done
    changed, reasons = set_tags(org, module, wanted)
    versions = read_versions(org, module, sorted(changed)) if changed else {}
    return {
        place: replace(
            outcome,
            version=versions.get(outcome.id, outcome.version),
            reason="; ".join(filter(None, [outcome.reason, reasons.get(outcome.id, "")])),
        )
        for place, outcome in done.items()
    }
