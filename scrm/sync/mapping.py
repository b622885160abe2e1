"""One field of ours as theirs and back, as a `FieldMapping` says. Pure.

| transform | ours → theirs | theirs → ours |
|---|---|---|
| (none) | as it is | as it is |
| choices `{"high": "Hot", "*": "Other"}` | by the table; `*` for all others | by the table read backwards; the first of ours that fits |
| date `{"format": "%d/%m/%Y"}` | ISO date or time → that format | that format → ISO date |
| joined `{"by": ";"}` | list → one text | one text → list |
| satisfaction | emoji in a text → 0.00 to 1.00 | never: nobody can tell the emoji |

A value that cannot be turned round raises `Unmappable` with words for a person; it is never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeAlias

Value: TypeAlias = "str | list[str]"

OTHERS = "*"
# Satisfaction that an emoji shows, 0 to 1; what is not listed says nothing.
_EMOJI = {
    1.0: "😍🥰🤩❤💖💕😘👏🎉💯🏆",
    0.85: "😀😃😄😁😊🙂👍🙏😆😂🤣☺👌✨",
    0.5: "😐😶🤔😅",
    0.25: "😕🙁☹😟😞😔😢😥😓👎",
    0.0: "😡😠🤬😤😭💔🤮🖕",
}
_SCORES = {char: score for score, chars in _EMOJI.items() for char in chars}


class Unmappable(Exception):
    """The value has no counterpart on the other side; the message says why, in English."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A mapping without its row. `default` stands for an empty value of ours."""

    source: str
    target: str
    direction: str = "out"
    transform: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    default: str = ""

    @property
    def goes_out(self) -> bool:
        return self.direction != "in"

    @property
    def comes_in(self) -> bool:
        return self.direction != "out"


def to_theirs(value: Any, spec: Spec) -> Value:
    """What they shall hold for our value: a text, or a list of texts; '' for nothing. Never raises but for wrong options."""
    if value in (None, "", [], {}):
        return spec.default
    return _OUT.get(spec.transform, _as_it_is)(value, spec.options) or spec.default


def to_ours(value: Any, spec: Spec) -> Value:
    """What we shall hold for theirs; '' for nothing. Raises `Unmappable`."""
    if value in (None, "", [], {}):
        return ""
    if spec.default and value == spec.default and spec.transform != "choices":
        return ""  # what we put there for nothing means nothing
    return _IN.get(spec.transform, _as_it_is)(value, spec.options)


def _as_it_is(value: Any, options: Mapping[str, Any]) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    return [str(item) for item in value] if isinstance(value, list | tuple) else str(value)


def _choice_out(value: Any, options: Mapping[str, Any]) -> Value:
    if isinstance(value, list | tuple):
        found = [_choice_out(item, options) for item in value]
        return [each for each in found if isinstance(each, str) and each]
    return str(options.get(str(value), options.get(OTHERS, "")))


def _choice_in(value: Any, options: Mapping[str, Any]) -> Value:
    if isinstance(value, list):
        return [str(_choice_in(item, options)) for item in value]
    for ours, theirs in options.items():
        if ours != OTHERS and str(theirs).casefold() == str(value).casefold():
            return ours
    raise Unmappable(f"the table of choices has no “{str(value)[:80]}”")


def _date_out(value: Any, options: Mapping[str, Any]) -> Value:
    try:
        return _date(str(value)).strftime(_format(options))
    except ValueError:
        return ""


def _date_in(value: Any, options: Mapping[str, Any]) -> Value:
    text = str(value)
    try:
        return datetime.strptime(text, _format(options)).date().isoformat()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise Unmappable(f"“{text[:80]}” is not a date in the form {_format(options)}") from None


def _date(text: str) -> date:
    return datetime.fromisoformat(text) if len(text) > len("2026-11-22") else date.fromisoformat(text)


def _format(options: Mapping[str, Any]) -> str:
    return str(options.get("format") or "%Y-%m-%d")


def _joined_out(value: Any, options: Mapping[str, Any]) -> Value:
    return _by(options).join(value) if isinstance(value, list | tuple) else str(value)


def _joined_in(value: Any, options: Mapping[str, Any]) -> Value:
    parts = value if isinstance(value, list) else str(value).split(_by(options))
    return [str(part).strip() for part in parts if str(part).strip()]


def _by(options: Mapping[str, Any]) -> str:
    return str(options.get("by") or ";")


def satisfaction(text: str) -> float | None:
    """The mean of what the emoji in a text show, 0 to 1; None when it holds none that show anything."""
    found = [_SCORES[char] for char in text if char in _SCORES]
    return sum(found) / len(found) if found else None


def _satisfaction_out(value: Any, options: Mapping[str, Any]) -> Value:
    score = satisfaction("".join(value) if isinstance(value, list | tuple) else str(value))
    return "" if score is None else f"{score:.2f}"


def _satisfaction_in(value: Any, options: Mapping[str, Any]) -> Value:
    raise Unmappable("satisfaction is only written to the CRM, never read from it")


_OUT = {"": _as_it_is, "choices": _choice_out, "date": _date_out, "joined": _joined_out, "satisfaction": _satisfaction_out}
_IN = {"": _as_it_is, "choices": _choice_in, "date": _date_in, "joined": _joined_in, "satisfaction": _satisfaction_in}


# --- our key among their fields -------------------------------------------------------------------------------------

_KEY_NAMES = frozenset({"scrmid"})


def own_key(fields: Mapping[str, Any]) -> str:
    """Our unique key as their record holds it, however the CRM spells the field (scrm_id, Scrm_Id__c, Scrm_ID); '' for none."""
    for name, value in fields.items():
        if name.lower().removesuffix("__c").replace("_", "") in _KEY_NAMES and value:
            return str(value)
    return ""
