"""Misbehaviour on request. One JSON object; rates are 0..1 and are tried in the order of `KINDS`, the first that strikes counts.

| knob | what happens |
|---|---|
| latency_ms | every answer takes so much longer |
| error_500, error_503, html | nothing was done: a failure in JSON, maintenance, a proxy's page |
| request_limit | 403 REQUEST_LIMIT_EXCEEDED without a wait |
| session_ended | the session counts as ended: 401 INVALID_SESSION_ID |
| lost_answer | the work is done and the answer is a proxy's page |
| lock_error, row_error | a row among others is UNABLE_TO_LOCK_ROW or refused by a trigger |
| daily_calls | the calls of 24 hours |
| session_seconds | how long a session lives |
| rotate_refresh | each refresh token works once, the answer brings the next |
| late_ms | so long a change stays invisible to queries, not to reads by id |
| duplicate_rule | a new person with another one's phone is DUPLICATES_DETECTED; "alone": records are named to single writes only |
| forbid_fields | fields cannot be made: 403 |
| hide_fields | made fields stay hidden until somebody grants them |
| activity_unique | activities take unique external ids |
| missing_objects | objects that this org does not have |
| ignore_conditions | queries return all rows |
| query_page | so many rows an answer to a query holds at most |
| log_begins | the list of deletions begins at this time |
| touch_after_write | another user edits each record right after it was written |
| remaining | how many calls are struck altogether, null without bound |
| path | part of the paths to strike |
"""

from __future__ import annotations

import random
from typing import Any

from scrm.sandbox.salesforce.vocabulary import Json

KINDS = ("error_500", "error_503", "html", "request_limit", "session_ended", "lost_answer")
ROW_KINDS = ("lock_error", "row_error")
DEFAULTS: Json = {
    **dict.fromkeys((*KINDS, *ROW_KINDS), 0.0),
    "latency_ms": 0,
    "daily_calls": 15_000,
    "session_seconds": 7200,
    "rotate_refresh": False,
    "late_ms": 0,
    "duplicate_rule": "",
    "forbid_fields": False,
    "hide_fields": False,
    "activity_unique": False,
    "missing_objects": [],
    "ignore_conditions": False,
    "query_page": 2000,
    "log_begins": "",
    "touch_after_write": False,
    "remaining": None,
    "path": "",
}


class NoSuchKnob(ValueError):
    """The words say which, and what there is."""


def merged(held: Json, wanted: Json) -> Json:
    """The knobs after taking over the named ones. Raises `NoSuchKnob` for a name or value that is none."""
    for name, value in wanted.items():
        _check(name, value)
    return {**held, **wanted}


def _check(name: str, value: Any) -> None:
    if name not in DEFAULTS:
        raise NoSuchKnob(f"There is no knob {name}; known: {', '.join(DEFAULTS)}")
    if name == "remaining" and value is None:
        return
    default = DEFAULTS[name]
    wanted: tuple[type[Any], ...] = (type(default),) if isinstance(default, bool | str | list) else (int, float)
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
        raise NoSuchKnob(f"{name} must be like {default!r}")
    if name in (*KINDS, *ROW_KINDS) and not 0 <= float(value) <= 1:
        raise NoSuchKnob(f"{name} is a rate between 0 and 1")


def strikes(knobs: Json, path: str, chance: random.Random, kinds: tuple[str, ...] = KINDS) -> str:
    """The kind of fault that strikes here, or ''; counts against `remaining`, which the caller stores."""
    state = {**DEFAULTS, **knobs}
    if (state["path"] and state["path"] not in path) or state["remaining"] == 0:
        return ""
    for kind in kinds:
        if state[kind] and chance.random() < state[kind]:
            if state["remaining"] is not None:
                knobs["remaining"] = state["remaining"] - 1
            return kind
    return ""
