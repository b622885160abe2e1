"""Writing to a server that knows no upsert: found by our key or by the link that we keep, changed only where it differs.

A record that is made and whose answer is lost is looked for by our key before anything is sent again: by the server where it can, else in
its whole list, unless that was read since (`Write.sought`). Without a field for our key nobody can tell, so that record is set aside for
a person and never made twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.contracts import Outcome, OutcomeStatus, Write
from connectors.crms.rest import pointers
from connectors.crms.rest.definition import KEY_PLACE, Definition, KindSetup, asked
from connectors.crms.rest.feeds import read_item
from connectors.crms.rest.paging import SAID_FAILURE, read_page, says_failure, walk
from connectors.crms.rest.records import changed_body, fields_of, holds, id_of, key_of, key_there, new_body, same_version, version_of
from connectors.crms.rest.wire import Wire, refusal, words_of
from connectors.errors import ConnectorError, Gone, OutcomeUnknown, Rejected
from connectors.http import Reply
from connectors.untrusted import Json, as_text

UNCERTAIN = (
    "It is not known whether the record was made: no answer came, and the set-up names no field for our key. "
    "Look there before trying again."
)
NO_ID = "The server took the record and did not say its id; look at the pointer of the id"
NOT_KEPT = "The server did not keep {names}"


class Finder:
    """Which records carry our keys, for one call of `apply`. The list is read in full once where the server does not search; servers that
    do not know the parameter ignore it without a word."""

    def __init__(self, wire: Wire, setup: KindSetup) -> None:
        self._wire, self._setup = wire, setup
        self._all: dict[str, list[str]] | None = None

    def find(self, key: str, *, thorough: bool = True) -> list[str]:
        """The ids of the records with this key. Not `thorough`: as far as the server says at once."""
        if self._all is None and self._setup.search:
            page = read_page(self._wire, self._setup, {}, asked(self._setup.search, KEY_PLACE, key_there(self._setup, key)))
            found = [id_of(self._setup, row) for row in page.rows if key_of(self._setup, row) == key]
            if found or not page.rows or page.following is None:
                return found
            if all(key_of(self._setup, row) == key for row in page.rows):
                return found
        if self._all is None and not thorough:
            return []
        if self._all is None:
            self._all = {}
            for row in walk(self._wire, self._setup):
                if known := key_of(self._setup, row):
                    self._all.setdefault(known, []).append(id_of(self._setup, row))
        return self._all.get(key, [])

    def note(self, key: str, record_id: str) -> None:
        if self._all is not None:
            self._all.setdefault(key, []).append(record_id)


def apply_writes(wire: Wire, definition: Definition, writes: Sequence[Write]) -> list[Outcome]:
    """One outcome for each write, in order. Raises what concerns the connection; then everything may be applied again."""
    finders = {kind: Finder(wire, definition.need(kind)) for kind in {write.kind for write in writes}}
    outcomes: list[Outcome] = []
    for write in writes:
        try:
            outcomes.append(_apply(wire, definition.need(write.kind), finders[write.kind], write))
        except ConnectorError as error:
            error.before = tuple(outcomes)
            raise
    return outcomes


def _apply(wire: Wire, setup: KindSetup, finder: Finder, write: Write) -> Outcome:
    try:
        wanted = fields_of(setup, write)
        record_id = write.id
        if not record_id and setup.key:
            found = list(dict.fromkeys(finder.find(write.key, thorough=not write.sought)))
            if len(found) > 1:
                return Outcome(write.key, "duplicate", candidates=tuple(found), reason="Several records carry our key")
            record_id = found[0] if found else ""
        return _update(wire, setup, write, record_id, wanted) if record_id else _create(wire, setup, finder, write, wanted)
    except Rejected as error:
        return Outcome(write.key, "rejected", write.id, reason=str(error))
    except Gone as error:
        return Outcome(write.key, "gone", write.id, reason=str(error))


# --- making ---------------------------------------------------------------------------------------------------------


def _create(wire: Wire, setup: KindSetup, finder: Finder, write: Write, wanted: dict[str, Any]) -> Outcome:
    if not setup.create:
        raise Rejected(f"The set-up names no path that makes a {setup.kind}")
    try:
        reply = wire.send(setup.create.method, wire.address(setup.create.path), new_body(setup, wanted), idempotent=False)
    except OutcomeUnknown as error:
        return _find_lost(wire, setup, write, wanted, error)
    if not reply.ok:
        return _refused(write, reply)
    row = _row(setup, reply)
    record_id = id_of(setup, row)
    if not record_id:
        record_id, row = _asked_for(wire, setup, reply)
    if record_id:
        finder.note(write.key, record_id)
        return _told(wire, setup, write, record_id, wanted, row, "created")
    return _without_id(wire, setup, write, wanted, reply)


def _find_lost(wire: Wire, setup: KindSetup, write: Write, wanted: dict[str, Any], error: OutcomeUnknown) -> Outcome:
    """No answer came, or half of one. Raises the error where the record is not there, or where its list is to be read again first."""
    if not setup.key:
        return Outcome(write.key, "uncertain", reason=UNCERTAIN)
    found = Finder(wire, setup).find(write.key, thorough=not write.sought)
    if len(found) != 1:
        raise error
    return _told(wire, setup, write, found[0], wanted, None, "created")


def _without_id(wire: Wire, setup: KindSetup, write: Write, wanted: dict[str, Any], reply: Reply) -> Outcome:
    """A good status over something that names no record."""
    document = reply.json_or_none() if reply.body else {}
    if document is None:
        return _find_lost(wire, setup, write, wanted, OutcomeUnknown("The server's answer cannot be read", code=f"HTTP {reply.status}"))
    if says_failure(document):
        reason = f"{SAID_FAILURE}: {words_of(reply)}"[:500]
        return Outcome(write.key, "rejected" if setup.key else "uncertain", reason=reason)
    # What the finder has read before knows nothing of the new record.
    found = Finder(wire, setup).find(write.key, thorough=not write.sought) if setup.key else []
    if found:
        return _told(wire, setup, write, found[0], wanted, None, "created")
    return Outcome(write.key, "rejected" if setup.key else "uncertain", reason=NO_ID)


def _asked_for(wire: Wire, setup: KindSetup, reply: Reply) -> tuple[str, Json | None]:
    """The new record by an id in the answer that is not the record itself: believed once it was asked for, where it can be."""
    for candidate in () if says_failure(reply.json_or_none()) else _ids_said(setup, reply):
        row = read_item(wire, setup, candidate) if setup.item else None
        if row is not None or not setup.item:
            return candidate, row
    return "", None


def _ids_said(setup: KindSetup, reply: Reply) -> Iterator[str]:
    """What may be the new record's id in an answer that is not the record: at the place that the set-up names, else where ids are in
    records, the answer itself when it is a number, and the last step of the new record's address.
    """
    document = reply.json_or_none()
    if setup.new_id:
        places = [as_text(pointers.get(document, setup.new_id))[:100]]
    else:
        bare = document if isinstance(document, int) and not isinstance(document, bool) else None
        address = reply.headers.get("location", "").partition("?")[0].rstrip("/").rpartition("/")[2]
        places = [id_of(setup, document), as_text(bare), address[:100]]
    yield from dict.fromkeys(filter(None, places))


def _refused(write: Write, reply: Reply) -> Outcome:
    if reply.status == 409:
        return Outcome(write.key, "duplicate", write.id, reason=f"The server has such a record already: {words_of(reply)}"[:500])
    if reply.status in {404, 405, 410} and not write.id:
        raise Rejected("The server has no such path; look at the set-up", code=f"HTTP {reply.status}", detail=words_of(reply))
    raise refusal(reply)


# --- changing -------------------------------------------------------------------------------------------------------


def _update(wire: Wire, setup: KindSetup, write: Write, record_id: str, wanted: dict[str, Any]) -> Outcome:
    record = read_item(wire, setup, record_id) if setup.item else None
    if setup.item and record is None:
        return Outcome(write.key, "gone", record_id, reason="The server has this record no longer")
    if record is not None:
        version = version_of(setup, record)
        if write.if_version and not same_version(write.if_version, version):
            return Outcome(write.key, "conflict", record_id, version, reason="The record was changed over there meanwhile")
        wanted = {name: wanted[name] for name in holds(record, wanted) if name != setup.key or not key_of(setup, record)}
        if not wanted:
            return Outcome(write.key, "unchanged", record_id, version)
    if not setup.update:
        raise Rejected(f"The set-up names no path that changes a {setup.kind}")
    address = wire.address(setup.update.path, record_id=record_id)
    reply = wire.send(setup.update.method, address, changed_body(setup, wanted, record))
    if reply.status in {400, 422} and setup.key in wanted and len(wanted) > 1:
        # Some fields can be filled only when a record is made; the link that we keep does without our key there.
        wanted = {name: value for name, value in wanted.items() if name != setup.key}
        reply = wire.send(setup.update.method, address, changed_body(setup, wanted, record))
    if reply.status in {404, 410}:
        return Outcome(write.key, "gone", record_id, reason="The server has this record no longer")
    if not reply.ok:
        raise refusal(reply)
    row = _row(setup, reply)
    if id_of(setup, row) == record_id:
        return _told(wire, setup, write, record_id, wanted, row, "updated")
    told = _told(wire, setup, write, record_id, wanted, None, "updated")
    # Where the record can be looked at, it decides; else only words of a failure do, for some servers answer with a bare "OK".
    if (told.reason and _is_spoilt(reply)) if setup.item else says_failure(reply.json_or_none()):
        raise OutcomeUnknown(
            "The server's answer is not the record, and the record does not show what was sent", code=f"HTTP {reply.status}"
        )
    return told


def _is_spoilt(reply: Reply) -> bool:
    """Whether something came that is no answer: a page, half a document, words of a failure. Nothing at all is one."""
    document = reply.json_or_none() if reply.body else {}
    return document is None or says_failure(document)


def _row(setup: KindSetup, reply: Reply) -> Json | None:
    row = pointers.get(reply.json_or_none(), setup.item_at) if reply.body else None
    return row if isinstance(row, dict) else None


def _told(
    wire: Wire, setup: KindSetup, write: Write, record_id: str, wanted: dict[str, Any], row: Json | None, status: OutcomeStatus
) -> Outcome:
    """The outcome, after a look whether the server kept what was sent: unknown fields are dropped without a word by many."""
    if (row is None or holds(row, wanted)) and setup.item:
        row = read_item(wire, setup, record_id) or row
    lost = holds(row, wanted) if row is not None else []
    reason = NOT_KEPT.format(names=", ".join(lost)) if lost else ""
    if setup.key and setup.key in lost:
        reason += ": the field of our key is missing over there, so records are found by our own link only"
    return Outcome(write.key, status, record_id, version_of(setup, row) if row is not None else "", reason=as_text(reason)[:500])
