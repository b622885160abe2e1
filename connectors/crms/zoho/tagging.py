"""Zoho's own tags: added and taken off by calls of their own, 500 records a call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from connectors.crms.zoho.org import Org
from connectors.crms.zoho.reading import chunks, read_tags
from connectors.crms.zoho.refusals import problem, said
from connectors.untrusted import as_list, as_object, as_text

RECORDS_A_CALL = 500


def set_tags(org: Org, module: str, wanted: Mapping[str, Sequence[str]]) -> tuple[set[str], dict[str, str]]:
    """Make the records hold these tags, and with the setting `tags` at "match" no others. ({ids that changed}, {id: why one was refused}).

    Zoho does not say who put a tag on, so unless it is asked for, none that people may have put there is taken off.
    """
    match = org.settings.get("tags").lower() == "match"
    held = read_tags(org, module, list(wanted))
    add: dict[str, list[str]] = defaultdict(list)
    remove: dict[str, list[str]] = defaultdict(list)
    for record_id, tags in wanted.items():
        before = {tag.casefold(): tag for tag in held.get(record_id, [])}
        after = {tag.casefold() for tag in tags}
        for tag in tags:
            if tag.casefold() not in before:
                add[tag].append(record_id)
        for folded, tag in before.items():
            if match and folded not in after:
                remove[tag].append(record_id)
    changed: set[str] = set()
    refused: dict[str, str] = {}
    for action, by_tag in (("add_tags", add), ("remove_tags", remove)):
        for tag, ids in by_tag.items():
            for part in chunks(ids, RECORDS_A_CALL):
                reason = _call(org, module, action, tag, part, refused)
                changed.update(part if not reason else ())
    return changed, refused


def _call(org: Org, module: str, action: str, tag: str, ids: list[str], refused: dict[str, str]) -> str:
    body = {"tags": [{"name": tag}], "ids": ids, **({"over_write": False} if action == "add_tags" else {})}
    reply = org.wire.send("POST", f"/{module}/actions/{action}", body)
    document = reply.json_or_none()
    if not reply.ok or as_text(as_object(document).get("status")) == "error":
        reason = f"tag {tag[:60]!r}: {said(problem(document)) or f'HTTP {reply.status}'}"
        refused.update(dict.fromkeys(ids, reason))
        return reason
    for record_id, row in zip(ids, as_list(as_object(document).get("data")), strict=False):
        told = as_object(row)
        if as_text(told.get("code")).upper() not in {"", "SUCCESS"}:
            refused[record_id] = f"tag {tag[:60]!r}: {said(told) or as_text(told.get('code'))}"
    return ""
