"""Records by id, whole: 100 a call, at most 50 fields a call, so several calls are joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.contracts import Change
from connectors.crms.zoho.org import Org
from connectors.crms.zoho.values import MODIFIED, TAGS, change_of, tag_names, version_of
from connectors.crms.zoho.wire import BATCH, FIELDS_A_CALL
from connectors.untrusted import Json, as_list, as_text

# Each call carries the time as well: parts of different times are of different records.
_FIELDS_BESIDE_TIME = FIELDS_A_CALL - 1
_JOINS = 3


def read_records(org: Org, kind: str, ids: Sequence[str]) -> list[Change]:
    """The records that exist among `ids`, in their order."""
    module = org.module(kind)
    types = org.schema.types(module)
    names = [name for name in types if name not in {MODIFIED, "id"}]
    found = {record_id: row for part in chunks(_worthwhile(ids), BATCH) for record_id, row in _joined(org, module, part, names).items()}
    return [change_of(kind, found[each], types) for each in dict.fromkeys(ids) if each in found]


def read_versions(org: Org, module: str, ids: Sequence[str]) -> dict[str, str]:
    rows = {record_id: row for part in chunks(_worthwhile(ids), BATCH) for record_id, row in rows_of(org, module, part, [MODIFIED]).items()}
    return {record_id: version_of(row.get(MODIFIED)) for record_id, row in rows.items()}


def read_tags(org: Org, module: str, ids: Sequence[str]) -> dict[str, list[str]]:
    rows = {record_id: row for part in chunks(_worthwhile(ids), BATCH) for record_id, row in rows_of(org, module, part, [TAGS]).items()}
    return {record_id: tag_names(row.get(TAGS)) for record_id, row in rows.items()}


def _worthwhile(ids: Sequence[str]) -> list[str]:
    """One id that is none would cost its neighbours the call."""
    return [each for each in dict.fromkeys(ids) if each.isascii() and each.isdigit() and len(each) < 20]


def chunks(items: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _joined(org: Org, module: str, ids: list[str], names: list[str]) -> dict[str, Json]:
    """Parts whose times differ were read on both sides of a change, so those records are read again; at last with the earliest time,
    which makes the next run read them once more."""
    whole: dict[str, Json] = {}
    todo = ids
    for attempt in range(_JOINS):
        parts = [rows_of(org, module, todo, [MODIFIED, *part]) for part in chunks(names, _FIELDS_BESIDE_TIME)] or [
            rows_of(org, module, todo, [MODIFIED])
        ]
        torn = []
        for record_id in parts[0]:
            rows = [part[record_id] for part in parts if record_id in part]
            if len(rows) < len(parts):  # deleted between two calls
                continue
            times = [version_of(row.get(MODIFIED)) for row in rows]
            if len(set(times)) > 1 and attempt < _JOINS - 1:
                torn.append(record_id)
                continue
            whole[record_id] = {name: value for row in rows for name, value in row.items()} | {MODIFIED: min(times)}
        if not torn:
            break
        todo = torn
    return whole


def rows_of(org: Org, module: str, ids: list[str], fields: list[str]) -> dict[str, Json]:
    """The rows asked for; a server that ignores the parameter sends others too."""
    params = {"ids": ",".join(ids), "fields": ",".join(fields), "per_page": str(BATCH)}
    rows = as_list(org.wire.call("GET", f"/{module}", params=params).get("data"))
    asked = set(ids)
    return {as_text(row.get("id")): row for row in rows if isinstance(row, dict) and as_text(row.get("id")) in asked}
