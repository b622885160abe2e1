"""Joining records: by a field of the record itself, or, for the people of a deal, by a role of its own."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contracts import Link, Outcome, Write
from connectors.crms.salesforce import soql
from connectors.crms.salesforce.objects import LEAD, PREFIXES, place
from connectors.crms.salesforce.org import Org
from connectors.crms.salesforce.refusals import code_of, refusal, words_of
from connectors.crms.salesforce.sending import ROW_STATUSES
from connectors.crms.salesforce.wire import BATCH, listed
from connectors.errors import Gone, Rejected
from connectors.untrusted import Json, as_list, as_object, as_text

ROLE = "OpportunityContactRole"
# What a reference to a record that is gone, merged, hidden or of the wrong kind is refused with.
REFUSED = frozenset(
    {
        "INVALID_CROSS_REFERENCE_KEY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "FIELD_INTEGRITY_EXCEPTION",
        "MALFORMED_ID",
        "ENTITY_IS_DELETED",
    }
)


def columns(write: Write) -> Json:
    """The fields that join the record to others. An activity of a lead belongs to nothing else, and one thing at most."""
    fields = place(write.kind).links
    found: Json = {}
    for link in write.links:
        name = fields.get(link.kind)
        if name and soql.is_id(link.id) and not (name != "WhoId" and write.kind != "communication" and _is_lead(link)):
            found.setdefault(name, link.id)
    if PREFIXES.get(str(found.get("WhoId", ""))[:3]) == LEAD:
        found.pop("WhatId", None)
    return found


def _is_lead(link: Link) -> bool:
    return PREFIXES.get(link.id[:3]) == LEAD


def not_joined(write: Write, why: str) -> str:
    others = ", ".join(f"{link.kind} {link.id}" for link in write.links)
    return f"not associated with {others}: {why}"[:500]


def add_roles(org: Org, deals: Sequence[tuple[int, Write, Outcome]]) -> dict[int, str]:
    """Join deals to their people. {place: why it could not be done}; what is joined already is left alone, so this may be repeated."""
    reasons: dict[int, str] = {}
    wanted: list[tuple[int, str, str]] = []
    for number, write, outcome in deals:
        for link in write.links:
            if not outcome.id or outcome.status not in {"created", "updated", "unchanged"} or link.kind != "contact":
                continue
            if _is_lead(link) or not soql.is_id(link.id):
                reasons[number] = f"not associated with contact {link.id}: a lead becomes part of a deal when it is qualified"
            else:
                wanted.append((number, outcome.id, link.id))
    there = _roles_of(org, sorted({deal for _, deal, _ in wanted})) if wanted else set()
    missing = [each for each in wanted if (each[1][:15], each[2][:15]) not in there]
    for start in range(0, len(missing), BATCH):
        reasons |= _make(org, missing[start : start + BATCH])
    return reasons


def _roles_of(org: Org, deals: list[str]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for start in range(0, len(deals), BATCH):
        where = [f"OpportunityId IN {soql.texts(deals[start : start + BATCH])}"]
        rows, _ = org.wire.query(soql.select(["OpportunityId", "ContactId"], ROLE, where))
        found |= {(as_text(row.get("OpportunityId"))[:15], as_text(row.get("ContactId"))[:15]) for row in rows}
    return found


def _make(org: Org, missing: list[tuple[int, str, str]]) -> dict[int, str]:
    records = [{"attributes": {"type": ROLE}, "OpportunityId": deal, "ContactId": person} for _, deal, person in missing]
    reply = org.wire.send("POST", org.wire.path("composite", "sobjects"), {"allOrNone": False, "records": records}, idempotent=False)
    if not reply.ok and reply.status not in ROW_STATUSES:
        raise refusal(reply)
    if not reply.ok:
        error = refusal(reply)
        why = (error.detail or error.title)[:200] if isinstance(error, Rejected | Gone) else str(error)[:200]
        return {number: f"not associated with contact {person}: {why}" for number, _, person in missing}
    reasons: dict[int, str] = {}
    for (number, _, person), answer in zip(missing, listed(reply), strict=False):
        if answer.get("success") is not True:
            error_ = as_object(next(iter(as_list(answer.get("errors"))), {}))
            reasons[number] = f"not associated with contact {person}: {code_of(error_)} {words_of(error_)}"[:300].strip()
    return reasons
