"""Checks that several kinds share. Each raises `Rejected` and says what to change.

LINE counts UTF-16 units, and in buttons and templates what a person takes for one character (grapheme clusters); see
https://developers.line.biz/en/docs/messaging-api/text-character-count/
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from connectors.errors import Rejected, Remedy
from connectors.untrusted import Json, as_object, as_text

LINK_LIMIT = 2000
DATA_LIMIT = 300
LABEL_LIMIT = 20

_JOINER = "\u200d"


def units(text: str) -> int:
    """The length in UTF-16 units: most emoji count twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def characters(text: str) -> int:
    """The length as people count: marks, joined emoji, skin tones and the second half of a flag add nothing."""
    count, joined, flag = 0, False, False
    for character in text:
        indicator = "\U0001f1e6" <= character <= "\U0001f1ff"
        extends = (
            unicodedata.combining(character)
            or character == _JOINER
            or "\ufe00" <= character <= "\ufe0f"
            or "\U0001f3fb" <= character <= "\U0001f3ff"
        )
        if not extends and not joined and not (indicator and flag):
            count += 1
        flag = indicator and not flag
        joined = character == _JOINER
    return count


def within(
    value: Any, limit: int, what: str, remedy: Remedy = "none", *, empty: bool = False, measure: Callable[[str], int] = units
) -> str:
    """The text, when it is there and short enough."""
    text = as_text(value)
    if not text.strip() and not empty:
        raise Rejected(f"{what} is empty", remedy=remedy)
    if measure(text) > limit:
        raise Rejected(f"{what} has {measure(text)} characters; LINE takes {limit}. Shorten it", remedy=remedy)
    return text


def short(value: Any, limit: int, what: str) -> str:
    """A text that LINE counts in characters."""
    return within(value, limit, what, measure=characters)


def public_link(value: Any, what: str) -> str:
    """An address that LINE's servers can fetch."""
    link = as_text(value)
    if not re.match(r"https://[^\s/]", link):
        raise Rejected(
            f"{what} needs a public address that begins with https://; LINE fetches files itself and takes no upload", remedy="fix_media"
        )
    return within(link, LINK_LIMIT, f"{what}'s address", "fix_media")


def check_action(given: Any, what: str, *, labelled: bool = True) -> Json:
    """An action object as it stands, when LINE would take it."""
    action = as_object(given)
    kind = as_text(action.get("type"))
    if kind not in _ACTIONS:
        raise Rejected(f"{what} has no action that LINE knows; there are {', '.join(_ACTIONS)}")
    if labelled or action.get("label"):
        short(action.get("label"), LABEL_LIMIT, f"{what}'s label")
    _ACTIONS[kind](action, what)
    return action


def _postback(action: Json, what: str) -> None:
    within(action.get("data"), DATA_LIMIT, f"{what}'s data", measure=characters)
    for name in ("displayText", "text", "fillInText"):
        if action.get(name):
            short(action[name], DATA_LIMIT, f"{what}'s {name}")


def _message(action: Json, what: str) -> None:
    short(action.get("text"), DATA_LIMIT, f"{what}'s text")


def _uri(action: Json, what: str) -> None:
    uri = within(action.get("uri"), 1000, f"{what}'s link")
    if not re.match(r"(https?|line|tel):", uri):
        raise Rejected(f"{what} needs a link that begins with https://, http://, line:// or tel:")


def _date(action: Json, what: str) -> None:
    within(action.get("data"), DATA_LIMIT, f"{what}'s data")
    if as_text(action.get("mode")) not in {"date", "time", "datetime"}:
        raise Rejected(f"{what} asks for a date with mode date, time or datetime")


def _clipboard(action: Json, what: str) -> None:
    within(action.get("clipboardText"), 1000, f"{what}'s text")


def _menu(action: Json, what: str) -> None:
    within(action.get("richMenuAliasId"), 32, f"{what}'s rich menu")
    within(action.get("data"), DATA_LIMIT, f"{what}'s data")


def _plain(action: Json, what: str) -> None:
    """Camera, pictures and position open something on the phone and carry nothing more."""


_ACTIONS: dict[str, Callable[[Json, str], None]] = {
    "postback": _postback,
    "message": _message,
    "uri": _uri,
    "datetimepicker": _date,
    "clipboard": _clipboard,
    "richmenuswitch": _menu,
    "camera": _plain,
    "cameraRoll": _plain,
    "location": _plain,
}
