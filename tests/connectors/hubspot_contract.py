"""HubSpot's OpenAPI files as strict JSON Schema: paths, methods and parameters that they know, and no property that is not in them.

They are HubSpot's and not part of this repository; beside it they lie in shared/contracts/hubspot, under the vendor's own names
(objects.json, contacts.json, lineItems.json, associations.json, properties.json, ...), all of one version.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema
from line_bodies import SHARED

FOLDER = SHARED / "contracts" / "hubspot"
_DROPPED = {"discriminator", "format", "example", "externalDocs", "description", "nullable", "default"}


@cache
def _files() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def _strict(schema: Any) -> Any:
    """References stay, with where they lead to; an object takes what it names and nothing else."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref'].rpartition('/')[2]}"}
    found = {key: value for key, value in schema.items() if key not in _DROPPED}
    if schema.get("properties"):
        found |= {"properties": {name: _strict(each) for name, each in schema["properties"].items()}, "additionalProperties": False}
    if isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = _strict(schema["additionalProperties"])
    if "items" in schema:
        found["items"] = _strict(schema["items"])
    return found


@cache
def _definitions(number: int) -> dict[str, Any]:
    return {name: _strict(each) for name, each in _files()[number]["components"]["schemas"].items()}


def _faults(number: int, schema: Any, value: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator({**_strict(schema), "$defs": _definitions(number)})
    return [f"{error.json_path}: {error.message}"[:300] for error in validator.iter_errors(value)]


def _known(method: str, path: str) -> tuple[int, dict[str, Any]] | None:
    """(which file, the operation); the path with the fewest parameters in it where several fit."""
    fitting = [
        (template.count("{"), number, template)
        for number, document in enumerate(_files())
        for template in document["paths"]
        if re.fullmatch(re.sub(r"\\{[^{}]+\\}", "[^/]+", re.escape(template)), path) and method.lower() in document["paths"][template]
    ]
    if not fitting:
        return None
    _, number, template = min(fitting)
    return number, _files()[number]["paths"][template][method.lower()]


def faults(method: str, path: str, query: dict[str, str], body: Any) -> list[str]:
    """What the contract has against a request, in words; empty when it would be taken."""
    known = _known(method, path)
    if known is None:
        return [f"there is no {method} {path}"]
    number, operation = known
    names = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    found = [f"there is no parameter {name}" for name in query if name not in names]
    wanted = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if wanted is not None:
        return found + _faults(number, wanted, body)
    return found + ([] if body is None else ["it takes no body"])


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _said(each) for name, each in value.items() if each is not None}
    return [_said(each) for each in value] if isinstance(value, list) else value


def answer_faults(method: str, path: str, status: int, body: Any) -> list[str]:
    """What the contract has against the answer of a stand-in to a request that it knows.

    But for rows that failed: the files want members of an error there that the vendor's own examples lack. Null stands for no value.
    """
    known = _known(method, path)
    assert known is not None, (method, path)
    number, operation = known
    said = operation["responses"].get(str(status))
    if said is None:
        return [f"{status} is no answer of {method} {path}"]
    found = _faults(number, said["content"]["application/json"]["schema"], _said(body))
    return [each for each in found if not each.startswith("$.errors[")]
