"""One row of a file as what it says of a person, and what is wrong with it. No database.

A cell that is wrong makes the row bad, with the column and the reason. A phone number that cannot be read does not: the person is
real, and the number is kept as typed for repair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from scrm.contacts import addressing, phone, phone_text
from scrm.contacts.importing import columns, values
from scrm.contacts.importing.problems import REPAIRS, Note, note
from scrm.core import fastjson

_encode = fastjson.writer(default=str)
REPLACEMENT = "\ufffd"
_LENGTHS = {"name": 200, "company": 200, "address": 300, "city": 100, "state": 100, "postal_code": 20, "external_id": 200, "notes": 20_000}
_CUSTOM_LENGTH = 2000
_MORE = frozenset({"family_name", "given_name"})
Reader = Callable[["Said", str, str, str, "Layout"], None]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of a file mean. `owners`: {folded user name: id}."""

    headers: tuple[str, ...]
    mapping: tuple[str, ...]
    regions: tuple[str, ...] = ()
    consent_source: str = ""
    owners: Mapping[str, int] = field(default_factory=dict)
    today: date = date.max
    # (place, header, target, reader) of the columns that mean something; of those without a reader all cells are looked at together.
    steps: tuple[tuple[int, str, str, Reader | None], ...] = field(init=False)

    def __post_init__(self) -> None:
        columns = enumerate(zip(self.headers, self.mapping, strict=False))
        steps = tuple((place, header, target, _reader_of(target)) for place, (header, target) in columns if target)
        object.__setattr__(self, "steps", steps)


@dataclass(frozen=True, slots=True)
class PhoneCell:
    """`value`: E.164, or the number as typed when `repair` says why it could not be read."""

    value: str
    typed: str = ""
    repair: str = ""
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What the row says of consent; `source` is its proof."""

    purpose: str
    allowed: bool
    source: str
    at: str = ""


@dataclass(slots=True)
class Said:
    """What one row says. `notes` with `bad`: why it is not loaded; without: what is done otherwise than asked.

    `numbers`: of `phones` those that could be read; `keys`: what the person may be known by, marked x, p or e, of a row that is not bad.
    """

    line: int
    cells: list[str]
    values: dict[str, Any] = field(default_factory=dict)
    external_id: str = ""
    phones: list[PhoneCell] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    emails: list[tuple[str, str]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    bad: bool = False
    digest: int = 0
    faults: int = 0
    keys: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.values.get("name", ""))

    def spoil(self, column: str, code: str, **more: Any) -> None:
        """Before what was merely done otherwise than asked: the first note is why the row is not loaded."""
        self.notes.insert(self.faults, note(column, code, **more))
        self.faults += 1
        self.bad = True


def parse(line: int, cells: list[str], layout: Layout) -> Said:
    said = Said(line, cells)
    if len(cells) > len(layout.headers) and any(cell.strip() for cell in cells[len(layout.headers) :]):
        said.spoil("", "too_many_cells", count=len(cells))
        return said
    names: dict[str, str] = {}
    consent: dict[str, tuple[str, str]] = {}
    width = len(cells)
    for place, header, target, reader in layout.steps:
        raw = cells[place] if place < width else ""
        if not raw:
            continue
        cell = raw.strip()
        if cell[:1] == "'":
            # The one quote that spreadsheets, and our own export, put before what must not run.
            cell = cell[1:]
        if not cell:
            continue
        if REPLACEMENT in cell:
            said.spoil(header, "encoding")
        elif reader is not None:
            reader(said, header, target, cell, layout)
        elif target in _MORE:
            names[target] = cell
        else:
            consent[target] = (header, cell)
    if names and not said.values.get("name"):
        _put_name(said, names)
    if consent:
        _wishes(said, consent, layout)
    if not said.bad and not (said.external_id or said.phones or said.emails or said.values.get("name")):
        said.spoil("", "nobody")
    if not said.bad:
        said.digest = _digest(said)
        said.keys = _keys(said)
    return said


def _text(said: Said, header: str, target: str, cell: str, layout: Layout) -> None:
    longest = _LENGTHS[target]
    if len(cell) > longest:
        said.spoil(header, "too_long", longest=longest)
    elif target == "external_id":
        said.external_id = cell
    elif target == "name" and said.values.get("name"):
        said.values["name"] = f"{said.values['name']} {cell}"[:longest]
    else:
        said.values[target] = cell


def _custom(said: Said, header: str, target: str, cell: str, layout: Layout) -> None:
    if len(cell) > _CUSTOM_LENGTH:
        said.spoil(header, "too_long", longest=_CUSTOM_LENGTH)
    else:
        said.values[target] = cell


def _put_name(said: Said, names: Mapping[str, str]) -> None:
    family, given = names.get("family_name", ""), names.get("given_name", "")
    east = any(char > "\u2e7f" for char in family + given)
    said.values["name"] = (f"{family} {given}" if east and family and given else f"{given} {family}").strip()[:200]


def _phone(said: Said, header: str, target: str, cell: str, layout: Layout) -> None:
    for read in _quickly(cell, layout.regions) or _numbers(cell, layout.regions):
        if said.phones and any(each.value == read.value for each in said.phones):
            continue
        said.phones.append(read)
        if not read.repair:
            said.numbers.append(read.value)
        else:
            code = REPAIRS.get(read.repair, "repair")
            said.notes.append(note(header, code, value=read.value, numbers=", ".join(read.candidates)))


def _quickly(cell: str, regions: tuple[str, ...]) -> tuple[PhoneCell, ...]:
    found = fast_readings(cell, regions)
    if len(found) > 1:
        return (PhoneCell(cell, "", phone.SEVERAL_REGIONS, found),)
    return (PhoneCell(found[0], cell if cell != found[0] else ""),) if found else ()


@lru_cache(maxsize=512)
def _numbers(cell: str, regions: tuple[str, ...]) -> tuple[PhoneCell, ...]:
    read = phone.parse(cell, regions)
    if isinstance(read, phone.Unread) and read.reason == phone.SEVERAL_NUMBERS:
        every = phone.parse_all(cell, regions)
        if all(isinstance(each, phone.Number) for each in every):
            return tuple(PhoneCell(each.e164, cell[:200]) for each in every if isinstance(each, phone.Number))
    if isinstance(read, phone.Number):
        return (PhoneCell(read.e164, cell[:200] if cell != read.e164 else ""),)
    return (PhoneCell(cell[:200], "", read.reason[:200], read.candidates),)


def fast_readings(cell: str, regions: tuple[str, ...] = ()) -> tuple[str, ...]:
    """E.164 of a number in one of the plain forms of East Asia, as the library is known to read all that begin alike; several where the
    regions read it differently; none: ask the library.

    Nothing but digits, spaces, hyphens and brackets, and a plus in front.
    """
    if not cell.isascii() or len(cell) > 40:
        return ()
    digits = cell.translate(_SEPARATORS)
    if digits[:1] == "+":
        if digits[1:].isdigit():
            for code, length, tail in _FAST:
                if digits.startswith(code):
                    return (digits,) if len(digits) == length and _fast_block(digits[:-tail], tail) else ()
        return ()
    if not regions or not digits.isdigit() or phone_text.is_rounded(cell):
        return ()
    for code, length, tail in _FAST_NATIONAL:
        if len(digits) == length and digits.startswith(code):
            return tuple([head + digits[-tail:] for head in _fast_heads(digits[:-tail], tail, regions)])
    return ()


# Country code, length, and how many of the last digits do not matter: numbers with the same beginning are valid together in Hong Kong,
# Macau, Singapore, Japan and Taiwan, as far as they have a mobile's length (held by a test against the library).
_FAST = (("+852", 12, 4), ("+853", 12, 4), ("+65", 11, 4), ("+81", 13, 6), ("+886", 13, 6))
# The same without the plus, and as numbers are dialled at home; which country it is, the regions of the file decide.
_FAST_NATIONAL = (
    ("852", 11, 4), ("853", 11, 4), ("65", 10, 4), ("8190", 12, 6), ("8180", 12, 6), ("8170", 12, 6), ("8869", 12, 4),
    ("", 8, 4), ("09", 10, 4), ("090", 11, 6), ("080", 11, 6), ("070", 11, 6),
)  # fmt: skip
_SEPARATORS = {ord(char): None for char in " -()"}


@lru_cache(maxsize=50_000)
def _fast_block(head: str, tail: int) -> bool:
    """Whether all numbers with this beginning are valid, told by the first, some in the middle and the last of them."""
    return all(phone.from_wa_id((head + digit * tail)[1:]) == head + digit * tail for digit in "02589")


@lru_cache(maxsize=50_000)
def _fast_heads(head: str, tail: int, regions: tuple[str, ...]) -> tuple[str, ...]:
    """What E.164 numbers begin with whose home form begins with `head`, in each region; none when they are not read alike."""
    found: set[tuple[str, ...]] = set()
    for last in (f"{1:0{tail}}", *(digit * tail for digit in "2589")):
        read = phone.parse(head + last, regions)
        if isinstance(read, phone.Unread):
            numbers = read.candidates if read.reason == phone.SEVERAL_REGIONS else ()
        else:
            numbers = () if read.extension else (read.e164,)
        if not all(number.endswith(last) for number in numbers):
            return ()
        found.add(tuple(number[:-tail] for number in numbers))
    return found.pop() if len(found) == 1 else ()


def _email(said: Said, header: str, target: str, cell: str, layout: Layout) -> None:
    for part in values.words(cell):
        standard = addressing.email(part)
        if len(part) > addressing.LONGEST or not addressing.is_email(standard):
            said.spoil(header, "email", value=part)
        elif standard not in [each for each, _ in said.emails]:
            said.emails.append((standard, part if part != standard else ""))


def _birthday(said: Said, header: str, target: str, cell: str, layout: Layout) -> None:
    day, problem = values.birthday(cell, layout.regions, today=layout.today)
    if day is None:
        said.spoil(header, problem, value=cell)
    else:
        said.values["birthday"] = day.isoformat()


def _word(code: str, read: Callable[[str], str | None]) -> Reader:
    def put(said: Said, header: str, target: str, cell: str, layout: Layout) -> None:
        value = read(cell)
        if value is None:
            said.spoil(header, code, value=cell)
        else:
            said.values[target] = value

    return put


def _owner(said: Said, header: str, target: str, cell: str, layout: Layout) -> None:
    pk = layout.owners.get(cell.casefold())
    if pk is None:
        said.spoil(header, "owner", value=cell)
    else:
        said.values["owner"] = pk


def _tags(said: Said, header: str, target: str, cell: str, layout: Layout) -> None:
    for word in values.words(cell):
        if len(word) > 60:
            said.spoil(header, "too_long", longest=60)
        elif word not in said.tags:
            said.tags.append(word)


def _wishes(said: Said, consent: Mapping[str, tuple[str, str]], layout: Layout) -> None:
    source = consent.get("consent_source", ("", ""))[1] or layout.consent_source
    at = ""
    if "consent_at" in consent:
        header, cell = consent["consent_at"]
        day, problem = values.birthday(cell, layout.regions, today=layout.today)
        if day is None:
            said.spoil(header, problem, value=cell)
        else:
            at = datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat()
    for target in ("opt_out", "opt_in"):
        if target not in consent:
            continue
        header, cell = consent[target]
        answer = values.yes_or_no(cell)
        if answer is None:
            said.spoil(header, "consent", value=cell)
        elif target == "opt_out":
            said.wishes += [Wish("all", False, source or "import", at)] if answer else []
        elif answer and not source:
            said.notes.append(note(header, "no_source"))
        else:
            said.wishes.append(Wish("marketing", answer, source or "import", at))


_CONSENT = frozenset({"opt_in", "opt_out", "consent_source", "consent_at"})
_READERS: dict[str, Reader] = {
    "phone": _phone,
    "email": _email,
    "birthday": _birthday,
    "country": _word("country", values.country),
    "language": _word("language", values.language),
    "time_zone": _word("time_zone", values.time_zone),
    "priority": _word("priority", values.priority),
    "owner": _owner,
    "tags": _tags,
}


def _reader_of(target: str) -> Reader | None:
    if target in _MORE or target in _CONSENT:
        return None
    return _READERS.get(target) or (_custom if target.startswith(columns.CUSTOM) else _text)


def _keys(said: Said) -> list[str]:
    found = ["x" + said.external_id] if said.external_id else []
    found += ["p" + number for number in said.numbers]
    return found + ["e" + email for email, _ in said.emails]


def _digest(said: Said) -> int:
    """Of all that the row says; a whole number that both databases hold."""
    told = [
        sorted(said.values.items()),
        said.external_id,
        sorted(each.value for each in said.phones),
        sorted(said.emails),
        sorted(said.tags),
        [(each.purpose, each.allowed, each.source, each.at) for each in said.wishes],
    ]
    raw = hashlib.blake2b(_encode(told).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(raw, "big", signed=True)
