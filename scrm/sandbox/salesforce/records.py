"""The org's rules: what a write must hold, keys that are unique, duplicates, references, deletions and merges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scrm.sandbox.salesforce.store import Held, Store
from scrm.sandbox.salesforce.vocabulary import HOLDERS, OBJECTS, SYSTEM, Field, Json, custom_field
from scrm.sandbox.salesforce.wire import Refusal, parsed, stamp

OUR_USER, OTHER_USER = "0055g00000APPus", "0055g00000DESKa"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Book:
    """The records of one org at one moment. `state` are its knobs."""

    store: Store
    state: Json
    now: datetime

    def fields(self, sobject: str) -> dict[str, Field]:
        """Every field of an object that the app's user sees; 404 for an object that the org does not have."""
        if sobject not in OBJECTS or sobject in self.state["missing_objects"]:
            raise Refusal(404, "NOT_FOUND", "The requested resource does not exist")
        made = [custom_field(each) for each in self.store.custom_fields(HOLDERS.get(sobject, sobject)) if not each.get("hidden")]
        return {field.name: field for field in (*SYSTEM, *OBJECTS[sobject][1], *made)}

    def shown(self, held: Held, names: list[str]) -> Json:
        values = self.values(held)
        address = {"type": held.sobject, "url": f"/services/data/v67.0/sobjects/{held.sobject}/{held.id}"}
        return {"attributes": address, **{name: values.get(name) for name in names}}

    def values(self, held: Held) -> Json:
        times = {
            "CreatedDate": stamp(held.created_at),
            "LastModifiedDate": stamp(held.modified_at),
            "SystemModstamp": stamp(held.modified_at),
        }
        own = {"IsConverted": False} if held.sobject == "Lead" else {}
        system = {"Id": held.id, "IsDeleted": held.deleted, "LastModifiedById": held.modified_by, "MasterRecordId": held.master or None}
        return {**own, **held.values, **times, **system}

    # --- writing ------------------------------------------------------------------------------------------------------

    def create(self, sobject: str, given: Json, *, by: str = OUR_USER) -> Held:
        fields = self.fields(sobject)
        values = {name: value for name, value in self._clean(fields, given).items() if value is not None}
        missing = [field.name for field in fields.values() if field.required and values.get(field.name) in (None, "")]
        if missing:
            raise Refusal(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
        self._check(sobject, fields, values, "")
        self._look_for_duplicates(sobject, values)
        return self._summed(self.store.add(sobject, values, self.now, by))

    def update(self, held: Held, given: Json, *, by: str = OUR_USER) -> Held:
        fields = self.fields(held.sobject)
        if held.deleted:
            raise Refusal(404, "ENTITY_IS_DELETED", "entity is deleted")
        if held.values.get("IsConverted"):
            raise Refusal(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        values = self._clean(fields, given)
        empty = [name for name, value in values.items() if value in (None, "") and fields[name].required]
        if empty:
            raise Refusal(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(empty)}]", empty)
        self._check(held.sobject, fields, values, held.id)
        held.values = {name: value for name, value in {**held.values, **values}.items() if value is not None}
        held.modified_at, held.modified_by = self.now, by
        self.store.save(held, "update")
        return self._summed(held)

    def _summed(self, held: Held) -> Held:
        """An order's sum follows its lines, and the order counts as changed then."""
        order = self.store.get(str(held.values.get("OrderId") or "")) if held.sobject == "OrderItem" else None
        if order is not None:
            lines = [row.values for row in self.store.rows("OrderItem") if row.values.get("OrderId") == order.id and not row.deleted]
            total = sum(float(row.get("Quantity") or 0) * float(row.get("UnitPrice") or 0) for row in lines)
            order.values, order.modified_at = {**order.values, "TotalAmount": total}, self.now
            self.store.save(order, "update")
        return held

    def find(self, sobject: str, record_id: str) -> Held:
        self.fields(sobject)
        if not _ID.fullmatch(record_id):
            raise Refusal(400, "MALFORMED_ID", f"{sobject} ID: id value of incorrect type: {record_id}", ["Id"])
        held = self.store.get(record_id)
        if held is None or held.sobject != sobject:
            raise Refusal(404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        return held

    def by_key(self, sobject: str, name: str, value: str) -> list[Held]:
        """The live records that carry the value of an external id."""
        field = self.fields(sobject).get(name)
        if field is None or not field.external_id:
            raise Refusal(400, "INVALID_FIELD", f"Provided external ID field does not exist or is not accessible: {name}")
        return self.store.by_value(sobject, name, value)

    def delete(self, held: Held, *, by: str = OTHER_USER) -> None:
        held.deleted, held.deleted_at = True, self.now
        held.modified_at, held.modified_by = self.now, by
        self.store.save(held, "delete")
        self._summed(held)

    def merge(self, winner: Held, loser: Held) -> None:
        """The loser goes to the recycle bin and names the winner, which keeps its values and takes what it lacks."""
        winner.values = {**{name: value for name, value in loser.values.items() if not name.startswith("Scrm_Id")}, **winner.values}
        winner.modified_at, winner.modified_by = self.now, OTHER_USER
        loser.master = winner.id
        self.delete(loser)
        self.store.save(winner, "merge")

    def convert(self, lead: Held, contact: Held) -> None:
        lead.values = {**lead.values, "IsConverted": True, "ConvertedContactId": contact.id}
        lead.modified_at, lead.modified_by = self.now, OTHER_USER
        self.store.save(lead, "convert")

    # --- checks -------------------------------------------------------------------------------------------------------

    def _clean(self, fields: dict[str, Field], given: Json) -> Json:
        for name in given:
            if name not in fields:
                raise Refusal(400, "INVALID_FIELD", f"No such column '{name}' on the object")
            if not fields[name].writable:
                raise Refusal(400, "INVALID_FIELD_FOR_INSERT_UPDATE", f"Unable to create/update fields: {name}", [name])
        return {name: _value(fields[name], value) for name, value in given.items()}

    def _check(self, sobject: str, fields: dict[str, Field], values: Json, own_id: str) -> None:
        for name, value in values.items():
            field = fields[name]
            if field.refers_to and value is not None:
                self._check_reference(field, str(value))
            if field.unique and value:
                other = next((held for held in self.store.by_value(sobject, name, str(value)) if held.id != own_id), None)
                if other is not None:
                    words = f"duplicate value found: {name} duplicates value on record with id: {other.id[:15]}"
                    raise Refusal(400, "DUPLICATE_VALUE", words, [])

    def _check_reference(self, field: Field, value: str) -> None:
        if not _ID.fullmatch(value):
            raise Refusal(400, "MALFORMED_ID", f"{field.name}: id value of incorrect type: {value}", [field.name])
        other = self.store.get(value)
        if value.startswith("001") and other is None:
            return  # accounts need not be here
        if other is None or other.deleted or other.sobject not in field.refers_to:
            raise Refusal(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [field.name])

    def _look_for_duplicates(self, sobject: str, values: Json) -> None:
        rule, phone = self.state["duplicate_rule"], values.get("Phone")
        if not rule or not phone or sobject not in {"Contact", "Lead"}:
            return
        found = [held for held in self.store.rows(sobject) if not held.deleted and held.values.get("Phone") == phone]
        if found:
            matches = [{"record": {"attributes": {"type": sobject}, "Id": held.id}, "matchConfidence": 100.0} for held in found]
            result = {"allowSave": False, "matchResults": [{"entityType": sobject, "matchRecords": matches, "size": len(matches)}]}
            # The vendor's own spelling.
            raise Refusal(400, "DUPLICATES_DETECTED", "Use one of these records?", duplicateResut=result)


def _value(field: Field, value: Any) -> Any:
    """A value as it is kept. 400 for one that the field's type refuses."""
    if value is None or value == "":
        return None
    if field.type == "boolean":
        if not isinstance(value, bool):
            raise _unreadable(field, value)
        return value
    if field.type in {"currency", "double"}:
        try:
            return float(value)
        except (TypeError, ValueError):
            raise _unreadable(field, value) from None
    if not isinstance(value, str):
        raise _unreadable(field, value)
    if field.type == "datetime":
        at = parsed(value)
        if at is None:
            raise _unreadable(field, value)
        return stamp(at)
    if field.type == "date" and (len(value) != 10 or parsed(value) is None):
        raise _unreadable(field, value)
    if field.type == "email" and "@" not in value:
        raise Refusal(400, "INVALID_EMAIL_ADDRESS", f"Email: invalid email address: {value}", [field.name])
    if len(value) > field.size and field.type != "reference":
        raise Refusal(400, "STRING_TOO_LONG", f"{field.name}: data value too large: {value[:20]} (max length={field.size})", [field.name])
    return value


def _unreadable(field: Field, value: Any) -> Refusal:
    return Refusal(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of {field.type} from value {str(value)[:40]}", [field.name])
