"""The standard library's JSON for many small values: it builds a new encoder for each, which takes five times as long as the writing."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder as standard
from typing import Any


def writer(*, separators: tuple[str, str] = (", ", ": "), default: Callable[[Any], Any] | None = None) -> Callable[[Any], str]:
    """As `json.dumps(value, ensure_ascii=False, check_circular=False, ...)`, to be called many times."""
    plain = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=separators, default=default)
    make = getattr(standard, "c_make_encoder", None)
    quote = getattr(standard, "c_encode_basestring", None)
    if make is None or quote is None:
        return plain.encode
    between, after = separators
    pieces = make(None, plain.default, quote, None, after, between, False, False, True)
    return lambda value: "".join(pieces(value, 0))
