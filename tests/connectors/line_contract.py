"""LINE's OpenAPI files as strict JSON Schema: kinds told apart by their discriminator, and no property that is not in the contract."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema
import yaml
from line_bodies import SHARED

CONTRACT = SHARED / "contracts" / "line" / "line_messaging-api.yml"
_DROPPED = {"discriminator", "format", "example", "externalDocs", "description", "nullable", "default"}


@cache
def _schemas() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())["components"]["schemas"]
    return loaded


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _flat(schema: Any) -> dict[str, Any]:
    """The schema with what it takes over from its bases."""
    if "$ref" in schema:
        return _flat(_schemas()[_name(schema["$ref"])])
    merged: dict[str, Any] = {key: value for key, value in schema.items() if key not in _DROPPED | {"allOf"}}
    for base in schema.get("allOf", []):
        flat = _flat(base)
        merged["properties"] = {**flat.get("properties", {}), **merged.get("properties", {})}
        merged["required"] = sorted({*flat.get("required", []), *merged.get("required", [])})
    return merged


def _strict(schema: Any) -> Any:
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{_name(schema['$ref'])}"}
    flat = _flat(schema)
    found = {key: value for key, value in flat.items() if key not in {"properties", "items", "additionalProperties", "required"}}
    if flat.get("required"):
        found["required"] = flat["required"]
    if "properties" in flat:
        found |= {"properties": {name: _strict(each) for name, each in flat["properties"].items()}, "additionalProperties": False}
    if isinstance(flat.get("additionalProperties"), dict):
        found["additionalProperties"] = _strict(flat["additionalProperties"])
    if "items" in flat:
        found["items"] = _strict(flat["items"])
    return found


def _definition(name: str) -> Any:
    kinds = _schemas()[name].get("discriminator", {}).get("mapping")
    if not kinds:
        return _strict(_schemas()[name])
    cases = [
        {"if": {"properties": {"type": {"const": kind}}}, "then": {"$ref": f"#/$defs/{_name(target)}"}} for kind, target in kinds.items()
    ]
    return {"type": "object", "required": ["type"], "properties": {"type": {"enum": list(kinds)}}, "allOf": cases}


@cache
def _validator(name: str) -> Any:
    schema = {"$ref": f"#/$defs/{name}", "$defs": {each: _definition(each) for each in _schemas()}}
    return jsonschema.Draft202012Validator(schema)


def faults(name: str, document: Any) -> list[str]:
    """What the contract has against the document, in words; empty when it would be taken."""
    return [f"{error.json_path}: {error.message}"[:300] for error in _validator(name).iter_errors(document)]
