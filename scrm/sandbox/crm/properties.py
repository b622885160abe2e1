"""Property definitions, built-in and custom, and what values they take.

Values are strings on the wire and in the store; an empty string clears. Datetimes are kept as ISO 8601 with milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from .models import PropertyDefinition
from .schema import ALIASES, OBJECT_TYPES, ObjectType, Property
from .wire import ApiError, Json, invalid, iso, now, parse_time

TYPES = ("string", "number", "date", "datetime", "enumeration", "bool", "phone_number")
FIELD_TYPES = (
    "text", "textarea", "html", "number", "date", "select", "radio", "checkbox", "booleancheckbox", "phonenumber", "file",
)  # fmt: skip
UNIQUE_PROPERTIES_PER_TYPE = 10


def object_type(spelling: str) -> ObjectType:
    """The type for its plural, singular or numeric name; 400 for one that this CRM does not have."""
    name = ALIASES.get(spelling.lower())
    if name is None:
        raise invalid(f"Unable to infer object type from: {spelling}")
    return OBJECT_TYPES[name]


def definitions(kind: ObjectType) -> dict[str, Property]:
    """All properties of a type by name, custom ones last."""
    found = {own.name: own for own in kind.properties}
    for row in PropertyDefinition.objects.filter(object_type=kind.name).order_by("id"):
        found[row.name] = from_row(row)
    return found


def from_row(row: PropertyDefinition) -> Property:
    options = tuple(str(option["value"]) for option in row.options)
    return Property(
        row.name, row.label, row.type, row.field_type, row.group_name, unique=row.has_unique_value, options=options, custom=True
    )


def unique_names(known: Mapping[str, Property]) -> list[str]:
    return [own.name for own in known.values() if own.unique]


def normalise_unique(value: str) -> str:
    """Unique values are compared without regard to case and surrounding space."""
    return value.strip().casefold()[:255]


def clean(known: Mapping[str, Property], values: Any) -> dict[str, str]:
    """Values ready to store, or a 400 that lists every wrong one (PROPERTY_DOESNT_EXIST, READ_ONLY_VALUE, INVALID_...)."""
    if not isinstance(values, dict):
        raise invalid("Invalid input JSON: properties must be an object")
    cleaned: dict[str, str] = {}
    errors: list[Json] = []
    for name, value in values.items():
        if not isinstance(value, str):
            raise invalid(f"Invalid input JSON: the value of property {name} must be a string")
        fault, kept = _check(known.get(name), value)
        if fault:
            errors.append(_property_error(name, value, fault))
        cleaned[name] = kept
    if errors:
        raise invalid(f"Property values were not valid: {[error['message'] for error in errors]}", errors=errors)
    return cleaned


def _property_error(name: str, value: str, fault: str) -> Json:
    said = f'Property "{name}" does not exist' if fault == "PROPERTY_DOESNT_EXIST" else f'"{value}" was not accepted for "{name}": {fault}'
    return {"message": said, "code": fault, "context": {"propertyName": [name]}}


def _check(known: Property | None, value: str) -> tuple[str, str]:
    """(fault code or "", value to store)"""
    if known is None:
        return "PROPERTY_DOESNT_EXIST", value
    if known.read_only:
        return "READ_ONLY_VALUE", value
    if value == "":
        return "", value
    if known.options and any(part not in known.options for part in _parts(known, value)):
        return "INVALID_OPTION", value
    if known.type == "number" and not _is_number(value):
        return "INVALID_INTEGER", value
    if known.type in {"date", "datetime"}:
        return _check_time(known, value)
    if known.name == "email" and ("@" not in value or " " in value.strip()):
        return "INVALID_EMAIL", value
    return "", value


def _check_time(known: Property, value: str) -> tuple[str, str]:
    moment = parse_time(value)
    if moment is None:
        return "INVALID_DATE", value
    return "", moment.date().isoformat() if known.type == "date" else iso(moment)


def _parts(known: Property, value: str) -> list[str]:
    return [part for part in value.split(";") if part] if known.field_type == "checkbox" else [value]


def _is_number(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


def create_property(kind: ObjectType, body: Json) -> PropertyDefinition:
    """A new custom property; 409 when the name is taken, 400 when the definition is incomplete."""
    name = str(body.get("name", ""))
    _check_definition(body, name)
    if name in definitions(kind):
        raise ApiError(
            409, "OBJECT_ALREADY_EXISTS", f"A property named '{name}' already exists.",
            sub_category="Properties.PROPERTY_EXISTS", context={"propertyName": [name]},
        )  # fmt: skip
    unique = bool(body.get("hasUniqueValue", False))
    if unique and PropertyDefinition.objects.filter(object_type=kind.name, has_unique_value=True).count() >= UNIQUE_PROPERTIES_PER_TYPE:
        raise invalid(f"No more than {UNIQUE_PROPERTIES_PER_TYPE} unique properties are allowed on {kind.name}")
    moment = now()
    return PropertyDefinition.objects.create(
        object_type=kind.name, name=name, label=str(body["label"])[:200], type=body["type"], field_type=body["fieldType"],
        group_name=str(body["groupName"])[:100], description=str(body.get("description", "")), has_unique_value=unique,
        options=body.get("options") or [], created_at=moment, updated_at=moment,
    )  # fmt: skip


def _check_definition(body: Json, name: str) -> None:
    missing = [key for key in ("groupName", "name", "label", "type", "fieldType") if not body.get(key)]
    if missing:
        raise invalid(f"Some required fields were not set: {missing}")
    if not name.replace("_", "a").isalnum() or not name.isascii() or name != name.lower() or not name[0].isalpha():
        raise invalid(f"'{name}' is not a valid property name")
    if body["type"] not in TYPES or body["fieldType"] not in FIELD_TYPES:
        raise invalid(f"type {body['type']} with fieldType {body['fieldType']} is not valid")
    options = body.get("options") or []
    if not isinstance(options, list) or any(not isinstance(option, dict) or "value" not in option for option in options):
        raise invalid("options must be a list of objects with label and value")


def property_json(kind: ObjectType, own: Property) -> Json:
    """A property definition as the API shows it."""
    return {
        "name": own.name,
        "label": own.label,
        "type": own.type,
        "fieldType": own.field_type,
        "groupName": own.group or f"{kind.name.removesuffix('s')}information",
        "description": "",
        "options": [{"label": option, "value": option, "displayOrder": at, "hidden": False} for at, option in enumerate(own.options)],
        "hasUniqueValue": own.unique,
        "hubspotDefined": not own.custom,
        "hidden": False,
        "calculated": False,
        "externalOptions": False,
        "formField": not own.read_only,
        "archived": False,
        "displayOrder": -1,
        "modificationMetadata": {"archivable": own.custom, "readOnlyDefinition": not own.custom, "readOnlyValue": own.read_only},
    }
