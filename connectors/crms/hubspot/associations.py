"""What hangs on records: their associations with records of another kind, a hundred a call."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.crms.hubspot.wire import BATCH, Wire, refusal
from connectors.untrusted import Json, as_list, as_object, as_text

# A record with more than an answer holds is asked for again; so often at most.
ROUNDS = 4
_ABSENT = frozenset({"OBJECT_NOT_FOUND", "NOT_FOUND"})


class Associated:
    """`of`: {record: {the other's id: its labels}}, {} for a record that has none. `cut`: the records of which not all were read."""

    def __init__(self) -> None:
        self.of: dict[str, dict[str, set[str]]] = {}
        self.cut: set[str] = set()

    def take(self, row: Json, asked: Sequence[str]) -> Json | None:
        """The next question about the row's record, None when all of it was said."""
        record_id = as_text(as_object(row.get("from")).get("id"))
        if record_id not in asked:
            return None
        found = self.of.setdefault(record_id, {})
        for other in map(as_object, as_list(row.get("to"))):
            if name := as_text(other.get("toObjectId")):
                types = map(as_object, as_list(other.get("associationTypes")))
                found.setdefault(name, set()).update(as_text(each.get("label")).casefold() for each in types)
        after = as_text(as_object(as_object(row.get("paging")).get("next")).get("after"))
        return {"id": record_id, "after": after} if after else None


def associated(wire: Wire, kind: str, other: str, ids: Sequence[str]) -> Associated:
    """Raises the connector's errors. A record that HubSpot refuses to tell of counts as cut."""
    found = Associated()
    for start in range(0, len(ids), BATCH):
        _read(wire, kind, other, list(dict.fromkeys(ids[start : start + BATCH])), found)
    return found


def _read(wire: Wire, kind: str, other: str, ids: Sequence[str], found: Associated) -> None:
    inputs: list[Json] = [{"id": each} for each in ids]
    for _ in range(ROUNDS):
        reply = wire.send("POST", wire.associations(kind, other, "batch", "read"), {"inputs": inputs})
        if reply.status == 404:  # none of them has any
            break
        if not reply.ok:
            raise refusal(reply)
        document = as_object(reply.json())
        inputs = [more for row in map(as_object, as_list(document.get("results"))) if (more := found.take(row, ids))]
        found.cut |= _refused(document)
        if not inputs:
            break
    else:
        found.cut |= {as_text(each["id"]) for each in inputs}
    for each in ids:
        found.of.setdefault(each, {})


def _refused(document: Json) -> set[str]:
    """The records that an answer tells nothing of, but for those that have no association."""
    errors = [each for each in map(as_object, as_list(document.get("errors"))) if as_text(each.get("category")).upper() not in _ABSENT]
    contexts = [as_object(each.get("context")) for each in errors]
    return {as_text(name) for context in contexts for key in ("ids", "id", "fromObjectId") for name in as_list(context.get(key))}
