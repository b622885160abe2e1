"""Conversations as notes: one for a conversation and day, updated in place.

Notes take no field of ours, so the key stands in the title, and a note without a known id is looked for among the notes of its
parent before one is made. Making one is not repeated by itself: a lost answer is cleared up by the search of the next attempt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from connectors.contracts import Link, Outcome, Write
from connectors.crms.zoho.modules import NOTE_PARENTS, NOTES
from connectors.crms.zoho.org import Org
from connectors.crms.zoho.reading import read_versions
from connectors.crms.zoho.refusals import code_of, problem, refusal
from connectors.crms.zoho.rows import Row, answers_of, judged, refused
from connectors.crms.zoho.wire import PAGE, segment
from connectors.errors import OutcomeUnknown
from connectors.untrusted import Json, as_list, as_object, as_text, clean_text

TITLE, CONTENT, PARENT = "Note_Title", "Note_Content", "Parent_Id"
LONGEST_TITLE = 120
LONGEST_CONTENT = 32_000
LONGEST_KEY = 60
LEFT_OUT = "[earlier messages are left out here]\n"
# A person with more notes than this has none of today's conversation among the oldest.
MOST_PAGES = 10


def title_of(write: Write) -> str:
    """'Conversation [17:2026-11-22]', or the mapped title before the key."""
    key = write.key if len(write.key) <= LONGEST_KEY else hashlib.sha256(write.key.encode("utf-8", "replace")).hexdigest()[:40]
    mark = f"[{clean_text(key)}]"
    words = clean_text(str(write.fields.get(TITLE) or "")) or "Conversation"
    return f"{words[: LONGEST_TITLE - len(mark) - 1]} {mark}"


def _mark_of(title: str) -> str:
    start = title.rfind("[")
    return title[start:] if start >= 0 and title.endswith("]") else ""


def content_of(write: Write) -> str | None:
    """The text as far as a note holds it: the newest messages stay."""
    if CONTENT not in write.fields:
        return None
    text = clean_text(str(write.fields[CONTENT] or ""))
    return text if len(text) <= LONGEST_CONTENT else LEFT_OUT + text[len(text) - LONGEST_CONTENT + len(LEFT_OUT) :]


def parent_of(org: Org, write: Write) -> Link | None:
    """The record that the note hangs on."""
    return next((link for kind in NOTE_PARENTS for link in write.links if link.kind == kind), None)


def write_notes(org: Org, batch: Sequence[tuple[int, Write]]) -> dict[int, Outcome]:
    done: dict[int, Outcome] = {}
    updates: list[Row] = []
    new: list[Row] = []
    notes_of: dict[Link, dict[str, str]] = {}
    for place, write in batch:
        parent = parent_of(org, write)
        if write.id:
            updates.append(_row(org, place, write, None, write.id))
        elif parent is None:
            done[place] = Outcome(write.key, "rejected", reason="Zoho keeps a note on a contact, deal or case; this one is linked to none")
        elif found := _found(org, parent, write, notes_of):
            updates.append(_row(org, place, write, None, found))
        else:
            new.append(_row(org, place, write, parent, ""))
    if updates and updates[0].version:
        done |= _conditional(org, updates)
    elif updates:
        done |= _send(org, "PUT", updates)
    return done | (_send(org, "POST", new) if new else {})


def _row(org: Org, place: int, write: Write, parent: Link | None, note_id: str) -> Row:
    body: Json = {TITLE: title_of(write)}
    content = content_of(write)
    if content is not None:
        body[CONTENT] = content or "-"  # a note without text is refused
    if parent is not None:
        body[PARENT] = {"module": {"api_name": org.module(parent.kind)}, "id": parent.id}
    if note_id:
        body["id"] = note_id
    known = Write(write.kind, write.key, write.fields, note_id, write.if_version, write.links)
    return Row(place, known, body, version=write.if_version if note_id else "")


def _found(org: Org, parent: Link, write: Write, notes_of: dict[Link, dict[str, str]]) -> str:
    """The id of the parent's note with this key, '' when there is none."""
    if parent not in notes_of:
        notes_of[parent] = _marks(org, parent)
    return notes_of[parent].get(_mark_of(title_of(write)), "")


def _marks(org: Org, parent: Link) -> dict[str, str]:
    """{key in brackets: id} of the parent's notes, the newest first counting."""
    found: dict[str, str] = {}
    path = f"/{org.module(parent.kind)}/{segment(parent.id)}/{NOTES}"
    params = {"fields": TITLE, "per_page": str(PAGE), "sort_by": "Created_Time", "sort_order": "desc"}
    for page in range(1, MOST_PAGES + 1):
        reply = org.wire.send("GET", path, params={**params, "page": str(page)})
        if reply.status in {204, 304, 400, 404}:  # no notes, or no such parent: the making will tell
            break
        if not reply.ok:
            raise refusal(reply, path, org.wire.data_centre)
        document = as_object(reply.json())
        for row in map(as_object, as_list(document.get("data"))):
            if mark := _mark_of(as_text(row.get(TITLE))):
                found.setdefault(mark, as_text(row.get("id")))
        if as_object(document.get("info")).get("more_records") is not True:
            break
    return found


def _conditional(org: Org, rows: list[Row]) -> dict[int, Outcome]:
    """Notes are not named among what takes a condition, so the versions are read just before."""
    held = read_versions(org, NOTES, [row.write.id for row in rows])
    stale = {
        row.place: Outcome(row.write.key, "conflict", row.write.id, held[row.write.id], reason="the note was changed in Zoho meanwhile")
        for row in rows
        if row.write.id in held and held[row.write.id] != row.version
    }
    fresh = [row for row in rows if row.place not in stale]
    return stale | (_send(org, "PUT", fresh) if fresh else {})


def _send(org: Org, method: str, rows: list[Row]) -> dict[int, Outcome]:
    reply = org.wire.send(method, f"/{NOTES}", {"data": [row.body for row in rows]}, repeatable=method == "PUT")
    answers = answers_of(reply.json() if reply.ok else reply.json_or_none())
    if len(answers) == len(rows):
        return {row.place: _judged(org, row, answer, reply.status) for row, answer in zip(rows, answers, strict=True)}
    if reply.ok:
        raise OutcomeUnknown("Zoho's answer does not say what became of a note", code=f"HTTP {reply.status}")
    if reply.status not in {400, 404, 413, 422} or code_of(reply) in {"INVALID_MODULE", "NO_PERMISSION"}:
        raise refusal(reply, f"/{NOTES}", org.wire.data_centre)
    if len(rows) == 1:
        told = problem(reply.json_or_none())
        return {rows[0].place: refused(rows[0].write, as_text(told.get("code")).upper() or f"HTTP {reply.status}", told)}
    middle = (len(rows) + 1) // 2
    return _send(org, method, rows[:middle]) | _send(org, method, rows[middle:])


def _judged(org: Org, row: Row, answer: Json, status: int) -> Outcome:
    verdict = judged(org, NOTES, row, answer)
    if isinstance(verdict, Outcome):
        return verdict
    raise OutcomeUnknown("Zoho's answer does not say what became of a note", code=f"HTTP {status}")
