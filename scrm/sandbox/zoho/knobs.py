"""Misbehaviour on request. One JSON object; rates are 0..1 and are tried in the order of `KINDS`, the first that strikes counts.

| knob | what happens |
|---|---|
| latency_ms | every answer takes so much longer |
| error_500, html | nothing was done, a failure in JSON or a proxy's page |
| error_429 | TOO_MANY_REQUESTS without a wait |
| token_ended | the access token counts as ended: 401 INVALID_TOKEN |
| lost_answer | the work is done and the answer is a proxy's page |
| row_error | a row among others fails, inside a 207 |
| record_locked | a row is RECORD_LOCKED |
| credits | the credits of 24 hours; spent ones are LIMIT_EXCEEDED |
| tokens_in_ten_minutes | new access tokens that are given out, then Access Denied |
| token_seconds | how long an access token lives |
| late_ms | so long a change stays invisible to queries and lists, not to reads by id |
| scope_missing | a part of paths that answers OAUTH_SCOPE_MISMATCH |
| wrong_host | every call is INVALID_HOST |
| forbid_fields | fields cannot be added: NO_PERMISSION |
| missing_modules | modules that this edition does not have |
| ignore_conditions | queries return all rows |
| subforms_in_lists | lists of records hold their subforms; else only a record that is read by itself does |
| remaining | how many calls are struck altogether, null without bound |
| path | part of the paths to strike |
"""

from __future__ import annotations

import random
from typing import Any

from scrm.sandbox.zoho.vocabulary import Json

KINDS = ("error_500", "html", "error_429", "token_ended", "lost_answer")
ROW_KINDS = ("row_error", "record_locked")
DEFAULTS: Json = {
    **dict.fromkeys((*KINDS, *ROW_KINDS), 0.0),
    "latency_ms": 0,
    "credits": 50_000,
    "tokens_in_ten_minutes": 10,
    "token_seconds": 3600,
    "late_ms": 0,
    "scope_missing": "",
    "wrong_host": False,
    "forbid_fields": False,
    "missing_modules": [],
    "ignore_conditions": False,
    "subforms_in_lists": False,
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
