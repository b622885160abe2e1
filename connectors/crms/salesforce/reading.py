"""Records by their ids, whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.contracts import Change
from connectors.crms.salesforce import soql
from connectors.crms.salesforce.objects import object_of
from connectors.crms.salesforce.refusals import refusal
from connectors.crms.salesforce.schema import Described, Schema
from connectors.crms.salesforce.values import fields_of, version_of
from connectors.crms.salesforce.wire import BATCH, Wire, listed
from connectors.timestamps import moment
from connectors.untrusted import Json, as_text


def read_records(wire: Wire, schema: Schema, kind: str, ids: Sequence[str]) -> list[Change]:
    """The records that exist among `ids`, each once, in the order asked for. What is no id of Salesforce's is left out."""
    wanted: dict[str, list[str]] = {}
    for each in dict.fromkeys(ids):
        if soql.is_id(each):
            wanted.setdefault(object_of(each, kind), []).append(each)
    found = {}
    for sobject, group in wanted.items():
        described = schema.of(sobject)
        for row in retrieve(wire, described, group):
            found[as_text(row.get("Id"))[:15]] = change_of(kind, row, described)
    return [found[each[:15]] for each in dict.fromkeys(ids) if each[:15] in found]


def retrieve(wire: Wire, described: Described, ids: Sequence[str], fields: Iterable[str] = ()) -> list[Json]:
    """The records that exist among `ids`, with all their fields unless some are named."""
    names = list(fields) or described.readable
    asked = {each[:15] for each in ids}
    rows: list[Json] = []
    for start in range(0, len(ids), BATCH):
        body = {"ids": list(ids[start : start + BATCH]), "fields": names}
        reply = wire.send("POST", wire.path("composite", "sobjects", described.sobject), body)
        if reply.status == 404:
            continue  # none of them
        if not reply.ok:
            raise refusal(reply)
        rows += [row for row in listed(reply) if as_text(row.get("Id"))[:15] in asked]
    return rows


def change_of(kind: str, row: Json, described: Described) -> Change:
    return Change(
        kind,
        as_text(row.get("Id")),
        version_of(row, described.writable),
        moment(row.get("SystemModstamp")) or moment(row.get("LastModifiedDate")),
        fields_of(row, described.types),
    )
