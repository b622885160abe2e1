"""Calls that an org's flow makes to us, read as hints: which records to read again.

Salesforce signs nothing by itself. A flow sends `{"records": [{"object": "Contact", "id": "003…"}]}` with our token in a header.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from connectors.contracts import Hint
from connectors.crms.salesforce import soql
from connectors.crms.salesforce.objects import LEAD, PLACES, PREFIXES
from connectors.errors import BadSignature
from connectors.untrusted import NotJson, as_list, as_object, as_text, clean, loads

HEADER = "x-webhook-token"
_KINDS = {place.sobject: kind for kind, place in PLACES.items()} | {LEAD: "contact"}


def read_hints(body: bytes, headers: Mapping[str, str], tokens: list[str]) -> list[Hint]:
    """Each record once. What is no record of a kind that we keep gives nothing: polling sees it. Raises `BadSignature`."""
    given = headers.get(HEADER, "").encode("utf-8", "replace")
    if not any(hmac.compare_digest(given, token.encode("utf-8", "replace")) for token in tokens if token):
        raise BadSignature(f"The call does not carry the token of notices in the header {HEADER}")
    try:
        rows = as_list(as_object(clean(loads(body))).get("records"))
    except NotJson:
        return []
    found = []
    for row in map(as_object, rows):
        record_id = as_text(row.get("id"))
        kind = _KINDS.get(PREFIXES.get(record_id[:3], ""))
        if kind and soql.is_id(record_id):
            found.append(Hint(kind, record_id, as_text(row.get("event"))))
    return list(dict.fromkeys(found))
