"""Reading what strangers sent: guarded JSON, strings that a database can hold, shapes that are not promised.

A text column of PostgreSQL refuses NUL, and UTF-8 refuses lone surrogates; JSON columns refuse NaN, Infinity and 1e400;
integers above 64 bits fit no column. All of these arrive, so they are made harmless here and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

Json = dict[str, Any]

MAX_DEPTH = 32  # deeper than any documented body (9), shallow enough for every recursive reader behind us
TOO_DEEP = "[nested too deeply]"

_SURROGATE = re.compile("[\ud800-\udfff]")
_INT64 = 2**63


class NotJson(ValueError):
    """The bytes are not JSON that can be read; the message says why, in words."""


def loads(body: bytes) -> Any:
    """Parse JSON of any origin. Raises `NotJson` and nothing else.

    Broken UTF-8 is replaced rather than refused: one bad byte in one text must not cost its 999 neighbours.
    Integers beyond 64 bits, NaN, Infinity and numbers beyond a double come back as strings.
    """
    text = body.decode("utf-8", "replace").lstrip("\ufeff")
    if not text.strip():
        raise NotJson("the body is empty")
    try:
        return json.loads(text, parse_int=_integer, parse_float=_real, parse_constant=str)
    except RecursionError:
        raise NotJson("the body is nested too deeply") from None
    except ValueError as error:
        looks_like = "HTML" if text.lstrip()[:1] == "<" else "not valid JSON"
        raise NotJson(f"the body is {looks_like} ({_where(error)})") from None


def _where(error: ValueError) -> str:
    return f"at character {error.pos}" if isinstance(error, json.JSONDecodeError) else "it cannot be decoded"


def _integer(digits: str) -> int | str:
    if len(digits) > 20:
        return digits
    number = int(digits)
    return number if -_INT64 <= number < _INT64 else digits


def _real(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def clean_text(text: str) -> str:
    """The text without NUL, and with U+FFFD for each lone surrogate."""
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    return _SURROGATE.sub("\ufffd", text.replace("\x00", ""))


def clean(value: Any, depth: int = 0) -> Any:
    """A copy in which every string, key and number can be stored; what is nested too deeply becomes `TOO_DEEP`."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): clean(item, depth + 1) for key, item in value.items()} if depth < MAX_DEPTH else TOO_DEEP
    if isinstance(value, list | tuple):
        return [clean(item, depth + 1) for item in value] if depth < MAX_DEPTH else TOO_DEEP
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT64 <= value < _INT64:
        return str(value) if abs(value) < 10**4000 else "[integer too large]"
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean_text(str(value))


def as_object(value: Any) -> Json:
    """The value when it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value when it is a list, a lone object as a list of one, otherwise an empty list."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) and value else []


def as_text(value: Any) -> str:
    """Strings and numbers as text; everything else, true and false included, is not a text and gives ''."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def as_code(value: Any) -> int:
    """An error code as a number; 0 when there is none."""
    text = as_text(value).strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else 0


def fingerprint(value: Any) -> str:
    """SHA-256 in hex of the canonical JSON of a cleaned value: equal content, equal fingerprint."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
