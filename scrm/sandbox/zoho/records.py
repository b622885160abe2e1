"""Writing records: what is checked of each row, and what is answered for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from scrm.sandbox.zoho import knobs
from scrm.sandbox.zoho.store import Held, Store
from scrm.sandbox.zoho.vocabulary import MODULES, Field, Json, from_request
from scrm.sandbox.zoho.wire import RowFault, all_values, iso, parsed, second

OWN = {"id", "Tag"}


def fields_of(store: Store, module: str) -> dict[str, Field]:
    custom = [from_request(each) for each in store.custom_fields(module)]
    return {each.api_name: each for each in (*MODULES[module], *custom)}


class Writer:
    """One write call. `stale_after`: rows modified later are refused."""

    def __init__(self, store: Store, module: str, now: datetime, chance: random.Random, state: Json, stale_after: datetime | None) -> None:
        self._store, self._module, self._now, self._chance, self._knobs, self._stale_after = store, module, now, chance, state, stale_after
        self.fields = fields_of(store, module)
        self.touched: list[tuple[str, Held]] = []

    def each(self, rows: Any, one: Callable[[Json], Json]) -> list[Json]:
        """The answer for every row, in order."""
        found = []
        for row in rows if isinstance(rows, list) else [rows]:
            try:
                if not isinstance(row, dict):
                    raise RowFault("INVALID_DATA", "invalid data", expected_data_type="jsonobject")
                self._misbehave()
                found.append(one(row))
            except RowFault as fault:
                found.append(fault.row)
        return found

    def _misbehave(self) -> None:
        struck = knobs.strikes(self._knobs, self._module, self._chance, knobs.ROW_KINDS)
        if struck == "record_locked":
            raise RowFault("RECORD_LOCKED", "The record is locked")
        if struck == "row_error":
            raise RowFault("INTERNAL_ERROR", "Internal server error")

    def insert(self, row: Json) -> Json:
        values = self._checked(row)
        missing = next((each.api_name for each in self.fields.values() if each.mandatory and values.get(each.api_name) in (None, "")), "")
        if missing:
            raise RowFault("MANDATORY_NOT_FOUND", "required field not found", api_name=missing, json_path=f"$.data[0].{missing}")
        self._claim(values, None)
        held = self._store.add(self._module, {name: value for name, value in values.items() if value is not None}, self._now)
        self.touched.append(("insert", held))
        return self._done(held, "record added", "insert")

    def update(self, row: Json) -> Json:
        held = self._store.get(self._module, str(row.get("id", "")))
        if held is None:
            raise RowFault("INVALID_DATA", "the id given seems to be invalid", api_name="id", json_path="$.data[0].id")
        return self._update(held, row)

    def upsert(self, row: Json, checked: list[str]) -> Json:
        for name in checked:
            value = str(row.get(name) or "")
            held = self._store.by_value(self._module, name, value) if value else None
            if held is not None:
                return {**self._update(held, row), "action": "update", "duplicate_field": name}
        return {**self.insert(row), "action": "insert", "duplicate_field": None}

    def _update(self, held: Held, row: Json) -> Json:
        if held.locked:
            raise RowFault("RECORD_LOCKED", "The record is locked")
        if self._stale_after is not None and second(held.modified_at) > self._stale_after:
            raise RowFault("ALREADY_MODIFIED", "The record was modified after the time given", Modified_Time=iso(held.modified_at))
        values = self._checked(row)
        self._claim(values, held)
        kept = {**held.values, **values}
        held.values = {name: value for name, value in kept.items() if value is not None}
        held.modified_at = max(self._now, held.modified_at)
        self._store.save(held, "update")
        self.touched.append(("update", held))
        return self._done(held, "record updated", "update")

    def _done(self, held: Held, message: str, action: str) -> Json:
        details = {"Modified_Time": iso(held.modified_at), "Created_Time": iso(held.created_at), "id": held.id}
        return {"code": "SUCCESS", "details": details, "message": message, "status": "success", "action": action}

    def _checked(self, row: Json) -> Json:
        """Values ready to keep. Names that are none, and those that nobody may write, are dropped without a word."""
        known = {name: value for name, value in row.items() if name in self.fields and name not in OWN and not self.fields[name].read_only}
        return {name: self._value(self.fields[name], value) for name, value in known.items()}

    def _value(self, own: Field, value: Any) -> Any:
        if value is None or value == "":
            return None
        kind = own.data_type
        wanted = {"currency": "double", "double": "double", "boolean": "boolean", "integer": "integer"}.get(kind, "string")
        if own.data_type in {"lookup", "ownerlookup"}:
            return self._lookup(own, value)
        if kind == "subform":
            return value
        fits = {
            "double": isinstance(value, int | float) and not isinstance(value, bool),
            "boolean": isinstance(value, bool),
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "string": isinstance(value, str),
        }[wanted]
        if not fits:
            raise self._invalid(own, expected_data_type=wanted)
        if isinstance(value, str) and len(value) > own.length:
            raise self._invalid(own, maximum_length=own.length)
        if kind == "email" and ("@" not in value or " " in value):
            raise self._invalid(own, expected_data_type="email")
        if kind == "date" and (len(value) != 10 or parsed(value) is None):
            raise self._invalid(own, expected_data_type="date")
        if kind == "datetime":
            moment = parsed(value)
            if moment is None or "." in value or "T" not in value:
                raise self._invalid(own, expected_data_type="datetime")
            return iso(moment)
        return value

    def _lookup(self, own: Field, value: Any) -> Json:
        wanted = str(value.get("id", "")) if isinstance(value, dict) else str(value)
        module = (value.get("module") or {}).get("api_name") if isinstance(value, dict) and isinstance(value.get("module"), dict) else None
        if not own.target:
            return {"id": wanted}
        for target in [module] if module in own.target else own.target if module is None else ():
            found = self._store.get(str(target), wanted)
            if found is not None:
                name = all_values(found).get("Full_Name") or all_values(found).get("Deal_Name") or ""
                return {"id": wanted, "name": name, **({"module": {"api_name": target}} if module else {})}
        raise self._invalid(own, reason="invalid id")

    def _invalid(self, own: Field, **details: Any) -> RowFault:
        return RowFault("INVALID_DATA", "invalid data", api_name=own.api_name, json_path=f"$.data[0].{own.api_name}", **details)

    def _claim(self, values: Json, held: Held | None) -> None:
        for own in self.fields.values():
            value = str(values.get(own.api_name) or "")
            other = self._store.by_value(self._module, own.api_name, value) if own.unique and value else None
            if other is not None and (held is None or other.id != held.id):
                found = {"id": other.id, "module": {"api_name": self._module}}
                raise RowFault("DUPLICATE_DATA", "duplicate data", api_name=own.api_name, duplicate_record=found)
