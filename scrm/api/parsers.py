"""Reads a request's JSON strictly: what could not be stored or understood later is refused here, with a sentence."""

from __future__ import annotations

import json
import math
from typing import IO, Any, NoReturn

from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import DataAndFiles, JSONParser, MultiPartParser

BODY_LIMIT = 256 * 2**10
# The largest file that a channel carries has 100 MB; the rest is for the words around it.
UPLOAD_LIMIT = 101 * 2**20
DEEPEST = 20
LARGEST_INTEGER = 2**63 - 1


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."
    default_code = "too_large"


class StrictJSONParser(JSONParser):
    """UTF-8 JSON of at most 256 KiB and 20 levels, without NaN, infinite or 64-bit-breaking numbers, NUL and lone surrogates."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            body = stream.read(BODY_LIMIT + 1)
        except (UnreadablePostError, OSError):
            raise ParseError(_("The body broke off.")) from None
        if len(body) > BODY_LIMIT:
            raise BodyTooLarge(_("The body is larger than %(limit)s bytes.") % {"limit": BODY_LIMIT})
        return read_json(body)


class StrictMultiPartParser(MultiPartParser):
    """A form with at most one file, called `file`. The declared length is looked at before anything is read."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> DataAndFiles:
        request = (parser_context or {}).get("request")
        declared = str(request.META.get("CONTENT_LENGTH") or "0") if request is not None else "0"
        if not declared.isdigit() or int(declared) > UPLOAD_LIMIT:
            raise BodyTooLarge(_("The body is larger than %(limit)s bytes.") % {"limit": UPLOAD_LIMIT})
        try:
            found = super().parse(stream, media_type, parser_context)
        except (UnreadablePostError, OSError):
            raise ParseError(_("The body broke off.")) from None
        names = [(name, each) for name, several in found.files.lists() for each in several]
        if len(names) > 1 or any(name != "file" for name, _each in names):
            raise ParseError(_("Send one file, in the field 'file'."))
        return found


def read_json(body: bytes) -> Any:
    """ParseError for anything that is not storable JSON."""
    try:
        content = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_int=_integer, parse_float=_finite)
    except RecursionError:
        raise ParseError(_("The JSON is nested too deeply.")) from None
    except UnicodeDecodeError:
        raise ParseError(_("The body is not UTF-8.")) from None
    except ValueError as error:
        raise ParseError(_("The body is not valid JSON: %(reason)s") % {"reason": str(error)[:200]}) from None
    _check(content)
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(text: str) -> int:
    # The length is looked at first: turning a million digits into a number takes minutes.
    if len(text) > 20 or abs(int(text)) > LARGEST_INTEGER:
        raise ValueError("a whole number does not fit into 64 bits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _check(content: Any) -> None:
    """Level by level instead of by recursion, so that no depth can break it."""
    level: list[Any] = [content]
    for _depth in range(DEEPEST + 1):
        if not level:
            return
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, dict):
                below += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                below += value
        level = below
    if level:
        raise ParseError(_("The JSON is nested too deeply."))


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError(_("A text holds the character NUL, which cannot be stored."))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ParseError(_("A text holds half of a surrogate pair, which is no character.")) from None
