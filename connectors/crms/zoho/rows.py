"""One write on its way to Zoho, and what the answer for its row means: an outcome, or the row put right and sent again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.contracts import Outcome, Write
from connectors.crms.zoho.modules import LOOKUPS, STAND_INS
from connectors.crms.zoho.org import Org
from connectors.crms.zoho.refusals import LOG_IN, said
from connectors.crms.zoho.schema import field_info
from connectors.crms.zoho.values import TAGS, to_wire, version_of
from connectors.errors import Misconfigured, NeedsLogin
from connectors.untrusted import Json, as_list, as_object, as_text

# More than all stand-ins and lookups of a module: the sending always ends.
MOST_REPAIRS = 8


@dataclass(frozen=True, slots=True)
class Row:
    """A write with its place in the list and its body; `reasons` are told beside a success, `repairs` counts the sendings."""

    place: int
    write: Write
    body: Json
    lookups: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()
    repairs: int = 0
    version: str = field(default="")


def row_of(org: Org, module: str, place: int, write: Write, key_field: str) -> Row | Outcome:
    """The row, or the outcome of a write that names a field which Zoho does not have: it would be dropped there without a word."""
    fields = {name: value for name, value in write.fields.items() if name != TAGS}
    types = org.schema.types_for(module, fields)
    unknown = sorted(set(fields) - set(types))
    if unknown:
        return Outcome(
            write.key, "rejected", write.id, reason=f"Zoho's {module} has no field {', '.join(unknown)[:200]}; correct the mapping"
        )
    body: Json = {name: to_wire(value, types[name]) for name, value in fields.items()}
    links = {LOOKUPS[module, link.kind]: {"id": link.id} for link in reversed(write.links) if (module, link.kind) in LOOKUPS}
    usable = {name: value for name, value in links.items() if name in types and not body.get(name)}
    body |= usable
    if key_field:
        body[key_field] = write.key
    if write.id:
        body["id"] = write.id
    return Row(place, write, body, frozenset(usable), version=write.if_version)


def judged(org: Org, module: str, row: Row, answer: Json) -> Outcome | Row | None:
    """What Zoho says of this row. None: nothing that can be understood."""
    code = as_text(answer.get("code")).upper()
    if code == "SUCCESS":
        return _written(row, answer)
    if code in LOG_IN:
        raise NeedsLogin("Zoho does not accept the access token for this record", code=code)
    if code == "OAUTH_SCOPE_MISMATCH":
        raise Misconfigured("The refresh token lacks the scope ZohoCRM.modules.ALL", code=code, detail=said(answer))
    if not code:
        return None
    return _repaired(org, module, row, code, answer) or refused(row.write, code, answer)


def _written(row: Row, answer: Json) -> Outcome | None:
    details = as_object(answer.get("details"))
    record_id = as_text(details.get("id"))
    if not record_id:
        return None
    reason, version = "; ".join(row.reasons), version_of(details.get("Modified_Time"))
    if row.write.id and record_id != row.write.id:  # a merge put another in its place
        return Outcome(row.write.key, "moved", record_id, version, reason=reason)
    made = not row.write.id and as_text(answer.get("action")).lower() != "update"
    return Outcome(row.write.key, "created" if made else "updated", record_id, version, reason=reason)


def refused(write: Write, code: str, answer: Json) -> Outcome:
    """The outcome for a code that no repair helps."""
    details = as_object(answer.get("details"))
    where, message = as_text(details.get("api_name")), said(answer)
    if code == "ALREADY_MODIFIED":
        stamp = version_of(details.get("Modified_Time"))
        return Outcome(write.key, "conflict", write.id, stamp, reason="the record was changed in Zoho meanwhile")
    if code == "DUPLICATE_DATA":
        return Outcome(write.key, "duplicate", write.id, candidates=_candidates(details), reason=message or code)
    if write.id and (code in {"NOT_FOUND", "NO_RECORDS_FOUND"} or (code == "INVALID_DATA" and where == "id")):
        return Outcome(write.key, "gone", write.id, reason=message or code)
    if code == "CONVERTED_RECORD" or code == "ID_ALREADY_CONVERTED":
        message = f"the lead was converted in Zoho; {message}"
    return Outcome(write.key, "rejected", write.id, reason=f"{code}: {message}" if message else code)


def _candidates(details: Json) -> tuple[str, ...]:
    other = as_object(details.get("duplicate_record"))
    return tuple(dict.fromkeys(text for text in map(as_text, (other.get("id"), details.get("id"))) if text))


def _repaired(org: Org, module: str, row: Row, code: str, answer: Json) -> Row | None:
    """The row without a link that Zoho does not know, or with a value in a field that it demands."""
    if row.repairs >= MOST_REPAIRS:
        return None
    where = as_text(as_object(answer.get("details")).get("api_name"))
    if code in {"INVALID_DATA", "NOT_FOUND"} and where in row.lookups:
        others = {name: value for name, value in row.body.items() if name != where}
        reason = f"not linked by {where}: {said(answer)}"
        return replace(row, body=others, lookups=row.lookups - {where}, reasons=(*row.reasons, reason), repairs=row.repairs + 1)
    if code == "MANDATORY_NOT_FOUND" and where in STAND_INS.get(module, {}) and not row.body.get(where):
        return replace(row, body={**row.body, where: _stand_in(org, module, where, row.body)}, repairs=row.repairs + 1)
    return None


def _stand_in(org: Org, module: str, name: str, body: Mapping[str, Any]) -> str:
    sources, word = STAND_INS[module][name]
    found = next((text for source in sources if (text := as_text(body.get(source)))), "")
    if found:
        return found
    if word == "today":
        return org.wire.now().date().isoformat()
    known = next((each for each in org.schema.fields(module) if as_text(each.get("api_name")) == name), {})
    choices = field_info(known).choices
    return word if word in choices or not choices else choices[0]


def answers_of(document: Any) -> list[Json]:
    """The rows of an answer, one for each record that was sent, in their order."""
    return [as_object(each) for each in as_list(as_object(document).get("data"))]
