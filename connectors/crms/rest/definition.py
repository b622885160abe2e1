"""The set-up of a REST connection: read from its JSON once, checked, and told in words where it is wrong.

One entry for each kind under "kinds". Pointers lead into an answer (`rows`, `next`), into a row (`id`, `modified`, `key`) or into the
body that is sent (`body_at`). Paths belong to the base address and may hold a query; {id} stands for the record's id.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from connectors.crms.rest import pointers
from connectors.errors import Misconfigured

KINDS = ("contact", "communication", "deal", "case", "order", "product")
Style: TypeAlias = Literal["none", "page", "offset", "cursor", "link"]
Format: TypeAlias = Literal["iso", "date", "sql", "epoch", "epoch_ms"]
ValueType: TypeAlias = Literal["text", "number", "integer", "boolean", "list", "joined"]
STYLES: tuple[str, ...] = get_args(Style)
FORMATS: tuple[str, ...] = get_args(Format)
RESOLUTIONS = {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "minute": timedelta(minutes=1), "day": timedelta(days=1)}
LARGEST_PAGE = 1000
LONGEST = 64 * 1024
# Where our key, and the time of the last run, stand in a query of more than one word.
KEY_PLACE, SINCE_PLACE = "{key}", "{since}"


@dataclass(frozen=True, slots=True)
class Paging:
    """`param` takes the page's number, offset or cursor; `size_param` the size; `next` finds the next cursor, or the next address."""

    style: Style = "none"
    param: str = ""
    size_param: str = ""
    size: int = 100
    first: int = 1
    next: str = ""


@dataclass(frozen=True, slots=True)
class Since:
    param: str = ""
    format: Format = "iso"


@dataclass(frozen=True, slots=True)
class Call:
    """A method and a path. Empty path: the CRM cannot do it."""

    method: str = ""
    path: str = ""

    def __bool__(self) -> bool:
        return bool(self.path)


@dataclass(frozen=True, slots=True)
class KindSetup:
    """How one kind of record is read and written. `whole`: an update replaces the record, so everything is sent back with it.

    `zone`: whose times are those that name none. `new_id`: where the answer to a new record says its id, '' to look in the usual places.
    `empty_404`: a list without records is answered with 404.
    `shared`: another kind stands in the same list with its key in the same field, so the key says which kind it is of.
    """

    kind: str
    list: str
    label: str = ""
    rows: str = ""
    id: str = "/id"
    modified: str = ""
    resolution: timedelta = timedelta(seconds=1)
    zone: str = "UTC"
    paging: Paging = field(default_factory=Paging)
    since: Since = field(default_factory=Since)
    item: str = ""
    item_at: str = ""
    empty_404: bool = False
    new_id: str = ""
    create: Call = field(default_factory=Call)
    update: Call = field(default_factory=Call)
    body_at: str = ""
    whole: bool = False
    key: str = ""
    search: str = ""
    types: Mapping[str, ValueType] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    kinds: Mapping[str, KindSetup]

    def need(self, kind: str) -> KindSetup:
        if kind not in self.kinds:
            raise Misconfigured(f"The set-up has no {kind!r}; there are {', '.join(self.kinds)}")
        return self.kinds[kind]


@cache
def parse(text: str) -> Definition:
    """Raises `Misconfigured` with the place and what to write there."""
    if len(text) > LONGEST:
        raise Misconfigured("The set-up is longer than 64 KiB")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Misconfigured(f"The set-up is not valid JSON{where}") from None
    kinds = _Reader("", document).only("kinds").child("kinds")
    if not kinds.given:
        raise Misconfigured('The set-up names no kind under "kinds"; begin with contact')
    unknown = [kind for kind in kinds.given if kind not in KINDS]
    if unknown:
        raise Misconfigured(f"kinds: there is no {unknown[0]!r}; there are {', '.join(KINDS)}")
    return Definition(_apart({kind: _kind(kind, kinds.child(kind)) for kind in kinds.given}))


def _apart(kinds: Mapping[str, KindSetup]) -> dict[str, KindSetup]:
    """A conversation may have a deal and a case, both under its own key: in one list they must not be taken for each other."""
    places = Counter((setup.list.partition("?")[0], setup.key) for setup in kinds.values() if setup.key)
    return {kind: replace(setup, shared=places[setup.list.partition("?")[0], setup.key] > 1) for kind, setup in kinds.items()}


def _kind(kind: str, given: _Reader) -> KindSetup:
    given.only(*(name for name in KindSetup.__dataclass_fields__ if name not in ("kind", "shared")))
    setup = KindSetup(
        kind=kind,
        list=given.path("list", required=True),
        label=given.text("label"),
        rows=given.pointer("rows"),
        id=given.pointer("id", "/id"),
        modified=given.pointer("modified"),
        resolution=RESOLUTIONS[given.choice("resolution", tuple(RESOLUTIONS), "s")],
        zone=given.zone("zone"),
        paging=_paging(given.child("paging")),
        since=_since(given.child("since")),
        item=given.path("item", with_id=True),
        item_at=given.pointer("item_at"),
        empty_404=given.flag("empty_404"),
        new_id=given.pointer("new_id"),
        create=given.call("create", "POST"),
        update=given.call("update", "PATCH", with_id=True),
        body_at=given.pointer("body_at"),
        whole=given.flag("whole"),
        key=given.pointer("key"),
        search=given.query("search", KEY_PLACE),
        types={name: given.child("types").choice(name, get_args(ValueType), "text") for name in given.child("types").pointers()},
        constants={name: given.child("constants").given[name] for name in given.child("constants").pointers()},
        links={name: given.child("links").pointer(name) for name in given.child("links").given},
    )
    if setup.whole and not setup.item:
        raise given.wrong("whole", 'an update of the whole record needs "item", to read the record first')
    if setup.since.param and not setup.modified:
        raise given.wrong("since", 'needs "modified": every row is checked against the time that was asked for')
    if setup.search and not setup.key:
        raise given.wrong("search", 'needs "key", the field that holds our id')
    return setup


def _paging(given: _Reader) -> Paging:
    given.only(*Paging.__dataclass_fields__)
    style = given.choice("style", get_args(Style), "none")
    made = Paging(
        style=style,
        param=given.text("param", {"page": "page", "offset": "offset", "cursor": "cursor"}.get(style, "")),
        size_param=given.text("size_param"),
        size=given.number("size", 100, 1, LARGEST_PAGE),
        first=given.number("first", 1, 0, 1),
        next=given.pointer("next"),
    )
    if style == "cursor" and not made.next:
        raise given.wrong("next", "write the pointer to the next cursor in the answer")
    return made


def _since(given: _Reader) -> Since:
    given.only(*Since.__dataclass_fields__)
    return Since(given.query("param", SINCE_PLACE), given.choice("format", get_args(Format), "iso"))


class _Reader:
    """An object of the set-up with its place, for sentences that name it."""

    def __init__(self, place: str, given: Any) -> None:
        if not isinstance(given, dict):
            raise Misconfigured(f"{place or 'The set-up'} must be an object in braces")
        self.place, self.given = place, given

    def wrong(self, name: str, why: str) -> Misconfigured:
        return Misconfigured(f"{self._at(name)}: {why}")

    def _at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def only(self, *names: str) -> _Reader:
        for name in self.given:
            if name not in names:
                raise self.wrong(str(name)[:60], f"unknown; there are {', '.join(names)}")
        return self

    def child(self, name: str) -> _Reader:
        return _Reader(self._at(name), self.given.get(name, {}))

    def text(self, name: str, default: str = "") -> str:
        value = self.given.get(name, default)
        if not isinstance(value, str) or not value.isprintable():
            raise self.wrong(name, "write a text in quotes")
        return value.strip()

    def flag(self, name: str) -> bool:
        value = self.given.get(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "write true or false")
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        value = self.given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(name, f"write a whole number from {least} to {most}")
        return value

    def choice(self, name: str, choices: tuple[Any, ...], default: str) -> Any:
        value = self.given.get(name, default)
        if value not in choices:
            raise self.wrong(name, f"write one of {', '.join(choices)}")
        return value

    def pointer(self, name: str, default: str = "") -> str:
        value = self.text(name, default)
        try:
            return pointers.pointer(pointers.tokens(value))
        except pointers.BadPointer as error:
            raise self.wrong(name, str(error)) from None

    def pointers(self) -> list[str]:
        for name in self.given:
            try:
                pointers.tokens(name)
            except pointers.BadPointer as error:
                raise self.wrong(name[:60], str(error)) from None
        return list(self.given)

    def path(self, name: str, *, required: bool = False, with_id: bool = False) -> str:
        value = self.text(name)
        if required and not value:
            raise self.wrong(name, "write the path that lists the records, such as /api/contacts/")
        return self._checked(name, value, with_id)

    def call(self, name: str, method: str, *, with_id: bool = False) -> Call:
        value = self.text(name)
        first, _, rest = value.partition(" ")
        if rest:
            method, value = first.upper(), rest.strip()
        if method not in {"POST", "PUT", "PATCH"}:
            raise self.wrong(name, "write POST, PUT or PATCH before the path")
        return Call(method, self._checked(name, value, with_id)) if value else Call()

    def query(self, name: str, place: str) -> str:
        """A parameter's name, or a query that has the place for its value."""
        value = self.text(name)
        if "=" in value and place not in value:
            raise self.wrong(name, f"write the parameter's name alone, or a query with {place} where the value stands")
        return value

    def zone(self, name: str) -> str:
        value = self.text(name, "UTC")
        try:
            ZoneInfo(value)
        except (ValueError, OSError, LookupError):
            raise self.wrong(name, "write a time zone such as Asia/Tokyo") from None
        return value

    def _checked(self, name: str, value: str, with_id: bool) -> str:
        if value and not value.startswith("/"):
            raise self.wrong(name, "a path begins with / and belongs to the base address")
        if value and (" " in value or "#" in value or "//" in value.partition("?")[0]):
            raise self.wrong(name, "a path holds no spaces, no # and no //")
        if value and with_id and "{id}" not in value:
            raise self.wrong(name, "write {id} where the record's id stands")
        return value


def asked(query: str, place: str, value: str) -> dict[str, str]:
    """The parameters that ask for `value`: the one of this name, or those of a query with the value in its place."""
    if place not in query:
        return {query: value}
    return {name: text.replace(place, value) for name, text in parse_qsl(query, keep_blank_values=True)}
