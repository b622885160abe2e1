"""The rules for the pieces of a template: variables, header, body, footer, buttons, examples; of a message and of a carousel's card. Pure.

Figures and rules: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview and the error codes
2388040, 2388047, 2388072, 2388073, 2388293, 2388299.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from django.utils.translation import gettext as _

from scrm.conversations.template_parts import FILE_FORMATS, Button, Parts
from scrm.conversations.template_products import BUTTON_TEXTS
from scrm.conversations.template_text import PLACE, names_in

HEADER, BODY, FOOTER, BUTTON_TEXT, BUTTONS = 60, 1024, 60, 25, 10
URL_LENGTH, PHONE_LENGTH, CODE_LENGTH = 2000, 20, 15
MOST_OF_A_KIND = {"URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1, "FLOW": 1} | dict.fromkeys(BUTTON_TEXTS, 1)
# Two variables with nothing but spaces and marks between them; one at the very start or end, marks included.
_NEIGHBOURS = re.compile(r"\}\}\s*\{\{")
_AT_START = re.compile(r"\s*\{\{")
_AT_END = re.compile(r"\}\}[\s.,!?;:。、！？]*$")
_FORMATTING = re.compile(r"[*_~`\n\r]|[\U0001F300-\U0001FAFF\u2600-\u27BF]")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Finding:
    """`field` names the form's field (body, button_0, example_body_1 ...). A warning does not stop the submission."""

    field: str
    text: str
    warning: bool = False


def too_long(field: str, text: str, limit: int) -> Iterator[Finding]:
    if len(text) > limit:
        yield Finding(field, _("%(length)d characters; WhatsApp takes %(limit)d.") % {"length": len(text), "limit": limit})


def variables(field: str, text: str) -> Iterator[Finding]:
    """Their spelling: {{1}}, {{2}} ... without a gap, or {{name}} in small letters; never both."""
    names = names_in(text)
    if "{{" in PLACE.sub("", text) or "}}" in PLACE.sub("", text):
        yield Finding(field, _("Write a variable as two braces, a number or a name, two braces: {{1}} or {{name}}."))
    numbers = [name for name in names if name.isdecimal()]
    if numbers and len(numbers) < len(names):
        yield Finding(field, _("Use numbers or names for the variables, not both."))
    elif numbers and sorted(map(int, numbers)) != list(range(1, len(numbers) + 1)):
        yield Finding(field, _("Number the variables {{1}}, {{2}} and so on without a gap."))
    for name in names:
        if not name.isdecimal() and not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield Finding(
                field, _("A variable's name begins with a small letter and has small letters, digits and _ only: %(name)s") % {"name": name}
            )


def header(parts: Parts, *, has_sample: bool) -> Iterator[Finding]:
    if parts.header_format in FILE_FORMATS and not has_sample and not parts.header_handle:
        yield Finding("header_file", _("Add an example file: the reviewers want to see one."))
    if parts.header_format != "TEXT":
        return
    if not parts.header_text.strip():
        yield Finding("header_text", _("Write the header, or choose none."))
    yield from too_long("header_text", parts.header_text, HEADER)
    yield from variables("header_text", parts.header_text)
    if len(names_in(parts.header_text)) > 1:
        yield Finding("header_text", _("A header takes one variable."))
    if _FORMATTING.search(PLACE.sub("", parts.header_text)):
        yield Finding("header_text", _("A header has no emoji, no new line and no * _ ~ marks."))


def body(text: str, *, field: str = "body", limit: int = BODY) -> Iterator[Finding]:
    if not text.strip():
        yield Finding(field, _("Write the text."))
        return
    yield from too_long(field, text, limit)
    yield from variables(field, text)
    if _AT_START.match(text) or _AT_END.search(text):
        yield Finding(field, _("A variable stands at the start or the end. Put words around it."))
    if _NEIGHBOURS.search(text):
        yield Finding(field, _("Two variables stand side by side. Put words between them."))
    if re.search(r"\n\s*\n\s*\n", text) or "\t" in text or " " * 5 in text:
        yield Finding(field, _("No tabs, no more than four spaces and no more than one empty line in a row."))
    count, needed = len(names_in(text)), 2 * len(names_in(text)) + 1
    if count and words_in(text) < needed:
        yield Finding(
            field, _("%(count)d variables need a longer text: about %(words)d words beside them.") % {"count": count, "words": needed}
        )


def words_in(text: str) -> int:
    """Words beside the variables. Chinese and Japanese have no spaces: two characters count as a word."""
    plain = PLACE.sub(" ", text)
    return len(_WORD.findall(_CJK.sub(" ", plain))) + math.ceil(len(_CJK.findall(plain)) / 2)


def footer(parts: Parts) -> Iterator[Finding]:
    yield from too_long("footer", parts.footer, FOOTER)
    if "{{" in parts.footer or "\n" in parts.footer:
        yield Finding("footer", _("A footer has no variables and no new line."))


def buttons_together(buttons: tuple[Button, ...]) -> Iterator[Finding]:
    if len(buttons) > BUTTONS:
        yield Finding("buttons", _("At most %(limit)d buttons.") % {"limit": BUTTONS})
    kinds = [button.kind for button in buttons]
    for kind, most in MOST_OF_A_KIND.items():
        if kinds.count(kind) > most:
            yield Finding(
                "buttons", _("At most %(limit)d buttons of this kind: %(kind)s") % {"limit": most, "kind": kind.lower().replace("_", " ")}
            )
    quick = [kind == "QUICK_REPLY" for kind in kinds]
    if sum(a != b for a, b in pairwise(quick)) > 1:
        yield Finding("buttons", _("Put the quick replies together: all before or all after the other buttons."))
    texts = [button.text.strip().casefold() for button in buttons if button.text]
    for index, button in enumerate(buttons):
        if button.text and texts.count(button.text.strip().casefold()) > 1:
            yield Finding(f"button_{index}", _("Two buttons have the same text."))
        yield from button_alone(f"button_{index}", button)


def button_alone(field: str, button: Button) -> Iterator[Finding]:
    if button.kind not in {"COPY_CODE", *BUTTON_TEXTS} and not button.text.strip():
        yield Finding(field, _("The button needs a text."))
    yield from too_long(field, button.text, BUTTON_TEXT)
    if "{{" in button.text or "\n" in button.text:
        yield Finding(field, _("A button's text has no variables and no new line."))
    checks = {"URL": _url, "PHONE_NUMBER": _phone, "COPY_CODE": _code}
    if button.kind in checks:
        yield from checks[button.kind](field, button)
    if button.kind == "FLOW" and not button.value and not button.rest:
        yield Finding(field, _("Give the form's id."))


def _url(field: str, button: Button) -> Iterator[Finding]:
    yield from too_long(field, button.value, URL_LENGTH)
    if not re.match(r"https?://[^\s/]+\.[^\s]+|https?://\S+:\d+", button.value):
        yield Finding(field, _("The link begins with https://"))
    variables = PLACE.findall(button.value)
    if variables and (len(variables) > 1 or variables[0] != "1" or not re.search(r"\{\{\s*1\s*\}\}$", button.value)):
        yield Finding(field, _("A link takes one variable, {{1}}, at its end."))
    elif variables and not button.example.startswith(PLACE.split(button.value)[0]):
        yield Finding(f"{field}_example", _("Give the whole link as an example, beginning like the link itself."))


def _phone(field: str, button: Button) -> Iterator[Finding]:
    if not re.fullmatch(r"\+?[0-9]{5,20}", button.value) or len(button.value) > PHONE_LENGTH:
        yield Finding(field, _("The number has its country code and digits only, at most 20 characters."))


def _code(field: str, button: Button) -> Iterator[Finding]:
    if not 1 <= len(button.value) <= CODE_LENGTH:
        yield Finding(field, _("Give an example of the code, at most %(limit)d characters.") % {"limit": CODE_LENGTH})


def examples(parts: Parts, prefix: str = "") -> Iterator[Finding]:
    keys = [f"header_{name}" for name in names_in(parts.header_text)] if parts.header_format == "TEXT" else []
    for key in [*keys, *(f"body_{name}" for name in names_in(parts.body))]:
        if not parts.examples.get(key, "").strip():
            where, _underline, name = key.partition("_")
            words = (
                _("The reviewers want an example for %(name)s.")
                if where == "body"
                else _("The reviewers want an example for the header's %(name)s.")
            )
            yield Finding(f"example_{prefix}{key}", words % {"name": f"{{{{{name}}}}}"})
