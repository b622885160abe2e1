"""Records that hang on others and are records of their own: all of those of a page, in one query where an answer holds them."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.crms.salesforce import soql
from connectors.crms.salesforce.wire import BATCH, Wire
from connectors.untrusted import Json, as_text

# An answer holds 2,000 rows; of parents that have more together, each half is asked for by itself.
_CALLS = 16


def rows_on(wire: Wire, sobject: str, parent: str, fields: Sequence[str], ids: Sequence[str]) -> dict[str, list[Json]]:
    """{parent, by the 15 characters that all forms of an id share: its rows}. One whose rows were not all read is left out."""
    found: dict[str, list[Json]] = {}
    waiting = [list(ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
    calls = 0
    while waiting and calls < _CALLS:
        part, calls = waiting.pop(), calls + 1
        rows, more = wire.query(soql.select([parent, *fields], sobject, [f"{parent} IN {soql.texts(part)}"]))
        if more and len(part) > 1:
            waiting += [part[: len(part) // 2], part[len(part) // 2 :]]
            continue
        found |= {each[:15]: [] for each in part}
        for row in rows:
            if (on := as_text(row.get(parent))[:15]) in found:
                found[on].append(row)
    return found
