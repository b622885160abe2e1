"""Zoho's fields as it describes them, kept for an hour, and those that we add."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

from connectors.contracts import FieldInfo, ObjectType
from connectors.crms.zoho.modules import NOTES
from connectors.crms.zoho.refusals import NOT_THERE, problem, refusal, said
from connectors.crms.zoho.wire import Wire
from connectors.errors import Misconfigured
from connectors.untrusted import Json, as_list, as_object, as_text

KEY_LABEL = "Scrm ID"
LAST_MESSAGE_LABEL = "Scrm Last Message At"
PRIORITY_LABEL = "Scrm Priority"
PRIORITIES = ("high", "normal", "low")
KEY_LENGTH = 120

KEPT_SECONDS = 3600.0
# A field that is not known may have been added a moment ago: then the list is read again, but not for every record.
STALE_SECONDS = 30.0

_LABELS = {"Sales_Orders": "Sales Orders"}
_NOTE_FIELDS = (("Note_Title", "text"), ("Note_Content", "textarea"), ("Parent_Id", "lookup"), ("Created_Time", "datetime"),
                ("Modified_Time", "datetime"), ("Owner", "ownerlookup"))  # fmt: skip


def api_name(label: str) -> str:
    """The name that Zoho makes of a label."""
    return label.replace(" ", "_")


class Schema:
    """The fields of each module. Safe to use from several threads."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, list[Json]]] = {}

    def forget(self, module: str = "") -> None:
        """Read a module's fields anew when they are asked for next, or all modules'."""
        with self._lock:
            for each in [module] if module else list(self._known):
                self._known.pop(each, None)

    def fields(self, module: str, *, oldest: float = KEPT_SECONDS) -> list[Json]:
        """All fields of a module. Raises `Misconfigured` when the account has no such module or the user may not see it."""
        known = self._known.get(module)
        if known is not None and time.monotonic() - known[0] < oldest:
            return known[1]
        found = _note_fields() if module == NOTES else self._read(module)
        with self._lock:
            self._known[module] = (time.monotonic(), found)
        return found

    def names(self, module: str) -> list[str]:
        return [as_text(each.get("api_name")) for each in self.fields(module)]

    def types(self, module: str) -> dict[str, str]:
        return {as_text(each.get("api_name")): as_text(each.get("data_type")) for each in self.fields(module)}

    def types_for(self, module: str, wanted: Iterable[str]) -> dict[str, str]:
        """As `types`, read again when one of the wanted fields is not among them."""
        if set(wanted) - set(self.types(module)):
            self.fields(module, oldest=STALE_SECONDS)
        return self.types(module)

    def key_field(self, module: str) -> str:
        """The API name of our unique field. Raises `Misconfigured` that says what to create."""
        for oldest in (KEPT_SECONDS, STALE_SECONDS):
            if found := _own(self.fields(module, oldest=oldest), KEY_LABEL):
                return as_text(found.get("api_name"))
        raise Misconfigured(f"Zoho's {module} has no field {api_name(KEY_LABEL)}. {how_to_create(module, KEY_LABEL)}")

    def present(self, modules: Iterable[str]) -> list[str]:
        """Those that the account has and the user may see; which they are depends on the edition."""
        return [module for module in modules if self._is_there(module)]

    def _is_there(self, module: str) -> bool:
        try:
            return bool(self.fields(module))
        except Misconfigured as error:
            if error.code in NOT_THERE or error.code == "NO_PERMISSION":
                return False
            raise

    def _read(self, module: str) -> list[Json]:
        rows = as_list(self._wire.call("GET", "/settings/fields", params={"module": module}).get("fields"))
        return [each for each in rows if isinstance(each, dict) and as_text(each.get("api_name"))]


def _note_fields() -> list[Json]:
    """Notes have these and take no others."""
    return [{"api_name": name, "data_type": data_type, "read_only": name.endswith("Time")} for name, data_type in _NOTE_FIELDS]


def _own(fields: Iterable[Json], label: str) -> Json | None:
    wanted = {label.casefold(), api_name(label).casefold()}
    named = [each for each in fields if as_text(each.get("api_name")).casefold() in wanted]
    labelled = [each for each in fields if as_text(each.get("field_label")).casefold() in wanted]
    return next(iter([*named, *labelled]), None)


def describe_module(schema: Schema, kind: str, module: str) -> ObjectType:
    return ObjectType(kind, _LABELS.get(module, module), tuple(field_info(each) for each in schema.fields(module)))


def field_info(given: Json) -> FieldInfo:
    choices = [as_text(each.get("actual_value")) for each in map(as_object, as_list(given.get("pick_list_values")))]
    return FieldInfo(
        name=as_text(given.get("api_name")),
        label=as_text(given.get("display_label")) or as_text(given.get("field_label")) or as_text(given.get("api_name")),
        type=as_text(given.get("data_type")),
        choices=tuple(choice for choice in choices if choice and choice != "-None-"),
        writable=_writable(given),
        unique=bool(as_object(given.get("unique"))),
    )


def _writable(given: Json) -> bool:
    operations = as_object(given.get("operation_type"))
    refused = operations.get("api_create") is False and operations.get("api_update") is False
    return given.get("read_only") is not True and given.get("field_read_only") is not True and not refused


# --- our own fields -------------------------------------------------------------------------------------------------


def add_own_fields(schema: Schema, wire: Wire, person: str, others: Iterable[str]) -> None:
    """Create what is missing of our fields; finding them there is success too, so this may be repeated and may race itself."""
    schema.forget()
    for module in [person, *schema.present(others)]:
        wanted = [_key_field()] + ([_last_message_field(), _priority_field()] if module == person else [])
        missing = [each for each in wanted if _own(schema.fields(module), each["field_label"]) is None]
        for field in missing:
            _create(wire, module, field)
        if missing:
            schema.forget(module)
        _confirm_unique(schema, module)


def _create(wire: Wire, module: str, field: Json) -> None:
    label = field["field_label"]
    try:
        reply = wire.send("POST", "/settings/fields", {"fields": [field]}, params={"module": module}, repeatable=False)
    except Misconfigured as error:
        raise Misconfigured(f"{error.title}. {how_to_create(module, label)}", code=error.code, detail=error.detail) from error
    told = problem(reply.json_or_none())
    code = as_text(told.get("code")).upper()
    if code in {"SUCCESS", "DUPLICATE_DATA"}:  # DUPLICATE_DATA: another worker was first
        return
    if reply.status >= 500 or not code:
        raise refusal(reply, "/settings/fields", wire.data_centre)
    raise Misconfigured(f"Zoho lets us add no field {label!r} to {module}. {how_to_create(module, label)}", code=code, detail=said(told))


def _confirm_unique(schema: Schema, module: str) -> None:
    found = _own(schema.fields(module), KEY_LABEL)
    if found is None:
        raise Misconfigured(f"Zoho's {module} has no field {api_name(KEY_LABEL)}. {how_to_create(module, KEY_LABEL)}")
    if not field_info(found).unique:
        raise Misconfigured(
            f"Zoho's field {as_text(found.get('api_name'))} of {module} is not unique; open it in Zoho's layout editor, "
            "tick 'Do not allow duplicate values', and test again"
        )


def how_to_create(module: str, label: str) -> str:
    """What a person does in Zoho when we may not."""
    kind = {LAST_MESSAGE_LABEL: "a Date/Time field", PRIORITY_LABEL: f"a Pick List with {', '.join(PRIORITIES)}"}.get(
        label, "a Single Line field with 'Do not allow duplicate values'"
    )
    return f"In Zoho: Setup, Modules and Fields, {_LABELS.get(module, module)}, add {kind} named {label!r}; then test again"


def _key_field() -> dict[str, Any]:
    return {"field_label": KEY_LABEL, "data_type": "text", "length": KEY_LENGTH, "unique": {"casesensitive": False}}


def _last_message_field() -> dict[str, Any]:
    return {"field_label": LAST_MESSAGE_LABEL, "data_type": "datetime"}


def _priority_field() -> dict[str, Any]:
    choices = [{"display_value": each, "actual_value": each} for each in PRIORITIES]
    return {"field_label": PRIORITY_LABEL, "data_type": "picklist", "pick_list_values": choices}
