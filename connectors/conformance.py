"""What every channel and every CRM adapter must hold, as functions that a test calls with an adapter and samples.

Each raises `AssertionError` with the input that broke the rule. They need no test framework and reach no network but the
server that the caller set up behind the adapter.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta

from connectors.contracts import Change, Channel, Crm, InboundItem, InboundMessage, Notice, OutboundMessage, StatusUpdate, Unreadable, Write
from connectors.errors import ConnectorError, Rejected, TryLater

MAX_KEY = 200
_SURROGATE = re.compile("[\ud800-\udfff]")

# Bodies that no platform sends on purpose; the second column of a table of crashes elsewhere.
GARBAGE: tuple[bytes, ...] = (
    b"",
    b"   ",
    b"null",
    b"true",
    b"0",
    b'"text"',
    b"[]",
    b"{}",
    b"[[]]",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"<html><body>502 Bad Gateway</body></html>",
    b'{"entry": [',
    b'{"entry": NaN, "object": Infinity}',
    b'{"entry": [{"changes": [{"value": {"messages": [1e400, -1e400]}}]}]}',
    b'{"entry": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    b'{"entry": "\\ud800", "events": "\\u0000"}',
)


def _demand(holds: bool, rule: str, sample: object = "") -> None:
    if not holds:
        raise AssertionError(f"{rule}: {sample!r}"[:2000])


# --- channels -------------------------------------------------------------------------------------------------------


def check_reading(channel: Channel, bodies: Sequence[bytes], *, mutations: int = 0, seed: int = 1) -> None:
    """Reading never raises and leaves nothing out, of good bodies, of garbage, and of `mutations` damaged copies."""
    for body in [*bodies, *GARBAGE, *damaged(bodies, mutations, seed)]:
        check_body(channel, body)


def check_body(channel: Channel, body: bytes) -> list[InboundItem]:
    """One body: at least one item, `count` agrees, keys are bounded and the same each time, and a database can hold all of it."""
    items = channel.parse(body)
    _demand(len(items) >= 1, "a body gives at least one item", body[:500])
    _demand(channel.count(body) == len(items), "count agrees with parse", body[:500])
    _demand([item.key for item in channel.parse(body)] == [item.key for item in items], "keys are the same each time", body[:500])
    for item in items:
        _check_item(item)
    return items


def check_keys_differ(items: Iterable[InboundItem]) -> None:
    """Different items have different keys: the same key twice must mean the same item."""
    seen: dict[str, InboundItem] = {}
    for item in items:
        known = seen.setdefault(item.key, item)
        _demand(_identity(known) == _identity(item), "one key means one item", item.key)


def _identity(item: InboundItem) -> str:
    return json.dumps(item.data if isinstance(item, Notice) else item.raw, sort_keys=True, default=str)


def _check_item(item: InboundItem) -> None:
    _demand(0 < len(item.key) <= MAX_KEY, "a key has 1 to 200 characters", item.key)
    plain = asdict(item)
    json.dumps(plain, default=str, allow_nan=False)
    for text in _texts(plain):
        _demand("\x00" not in text, "no NUL reaches the product", item.key)
        _demand(not _SURROGATE.search(text), "no lone surrogate reaches the product", item.key)
    if isinstance(item, Unreadable):
        _demand(bool(item.reason), "what cannot be read has a reason in words", item.key)
    if isinstance(item, InboundMessage):
        _demand(item.sent_at.utcoffset() == timedelta(0), "times are aware and in UTC", item.key)
        _demand(bool(item.sender) or item.kind == "system", "a message names its sender", item.key)
    if isinstance(item, StatusUpdate):
        _demand(item.occurred_at.utcoffset() == timedelta(0), "times are aware and in UTC", item.key)


def _texts(value: object) -> Iterator[str]:
    """Every string and key inside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def damaged(bodies: Sequence[bytes], count: int, seed: int = 1) -> Iterable[bytes]:
    """`count` damaged copies of the bodies, the same for the same seed: cut, flipped, with swapped types, nested or repeated parts."""
    chance = random.Random(seed)
    for number in range(count):
        body = bytearray(bodies[number % len(bodies)])
        for _ in range(chance.randint(1, 4)):
            chance.choice(_DAMAGES)(body, chance)
        yield bytes(body)


_POISON = (
    b"null",
    b"[]",
    b"{}",
    b"-1",
    b"1e999",
    b"NaN",
    b'""',
    b'"\\u0000"',
    b'"\\ud83d"',
    b"true",
    b"9" * 40,
    b"[[[[[[1]]]]]]",
    b'{"id":{"id":1}}',
)


def _flip(body: bytearray, chance: random.Random) -> None:
    if body:
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)


def _cut(body: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(body) + 1)
    del body[start : start + chance.randint(1, 40)]


def _swap_value(body: bytearray, chance: random.Random) -> None:
    """Put something of another type in the place of one value."""
    colons = [place for place, byte in enumerate(body) if byte == ord(":")]
    if colons:
        start = chance.choice(colons) + 1
        ends = [place for place in (body.find(b",", start), body.find(b"}", start)) if place >= 0]
        body[start : min(ends, default=len(body))] = chance.choice(_POISON)


def _swap_container(body: bytearray, chance: random.Random) -> None:
    places = [place for place, byte in enumerate(body) if byte in b"[]{}"]
    if places:
        body[chance.choice(places)] = chance.choice(b"[]{}")


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (_flip, _cut, _swap_value, _swap_container)


def check_signatures(channel: Channel, body: bytes, headers: Mapping[str, str], header: str) -> None:
    """The right signature is accepted; every other, a missing one, and the right one over another body are refused."""
    right = headers[header]
    _demand(channel.verify(body, headers), "the right signature is accepted")
    wrong = [
        "",
        " ",
        right[:-1],
        right + "0",
        right[1:],
        right.swapcase(),
        right + ", " + right,
        "sha1=" + right,
        "簽章",
        "\ud800",
        "\x00",
        "=" * 500,
    ]
    for value in wrong:
        _demand(not channel.verify(body, {**headers, header: value}), "a wrong signature is refused", value)
    _demand(not channel.verify(body, {name: value for name, value in headers.items() if name != header}), "a missing signature is refused")
    _demand(not channel.verify(body + b" ", headers), "the signature covers every byte")


def check_capabilities(channel: Channel, samples: Sequence[OutboundMessage], requests: Callable[[], int]) -> None:
    """Every kind that is promised is sent; a kind that is not, or too long a text, is `Rejected` before anything leaves."""
    promised = channel.capabilities.kinds
    _demand({sample.kind for sample in samples} == promised, "there is a sample for every promised kind", sorted(promised))
    for sample in samples:
        _demand(bool(channel.send(sample).external_id), "a promised kind is sent", sample.kind)
    before = requests()
    refused = [replace(samples[0], kind="hologram", content={})]
    refused += [
        replace(sample, content={"body": "字" * (channel.capabilities.text_limit + 1)}) for sample in samples if sample.kind == "text"
    ]
    for message in refused:
        _demand(isinstance(error_of_send(channel, message), Rejected), "what cannot be sent is rejected here", message.kind)
    _demand(requests() == before, "what is rejected here never leaves")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server behind the adapter shall answer: a status with a body, or `broken`: the connection ends without an answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    broken: bool = False


def check_error_tree(
    channel: Channel, message: OutboundMessage, answer_with: Callable[[Answer], None], cases: Iterable[tuple[Answer, type[ConnectorError]]]
) -> None:
    """Each answer becomes the stated error, and a Retry-After is honoured."""
    for answer, expected in cases:
        answer_with(answer)
        error = error_of_send(channel, message)
        _demand(type(error) is expected, f"HTTP {answer.status} is {expected.__name__}, not {type(error).__name__}", answer.body[:300])
        wait = answer.headers.get("Retry-After", "")
        if isinstance(error, TryLater) and wait.isdigit():
            _demand(error.after >= timedelta(seconds=min(int(wait), 3600)), "Retry-After is honoured", error.after)


def error_of_send(channel: Channel, message: OutboundMessage) -> ConnectorError | None:
    """The error that a send ends in, or None. An error outside our tree passes through and fails the test."""
    try:
        channel.send(message)
    except ConnectorError as error:
        return error
    return None


# --- CRMs -----------------------------------------------------------------------------------------------------------


def check_apply(crm: Crm, writes: Sequence[Write]) -> None:
    """One outcome for each write in order; repeating finds the same records and makes no second one."""
    first = crm.apply(writes)
    _demand([outcome.key for outcome in first] == [write.key for write in writes], "one outcome for each write, in order")
    _demand(all(outcome.id and outcome.status in {"created", "updated", "unchanged"} for outcome in first), "good writes succeed", first)
    again = crm.apply(writes)
    _demand([outcome.id for outcome in again] == [outcome.id for outcome in first], "repeating finds the same records", again)
    _demand(all(outcome.status in {"updated", "unchanged"} for outcome in again), "repeating creates nothing", again)


def check_neighbours(crm: Crm, good: Sequence[Write], bad: Write) -> None:
    """A record that is refused harms no other, wherever it stands, and its outcome has a reason in words."""
    for place in range(len(good) + 1):
        outcomes = crm.apply([*good[:place], bad, *good[place:]])
        _demand(len(outcomes) == len(good) + 1, "one outcome for each write")
        refused = outcomes.pop(place)
        _demand(
            refused.key == bad.key and refused.status in {"rejected", "duplicate"} and bool(refused.reason), "a bad record is told", refused
        )
        _demand(all(outcome.status in {"created", "updated", "unchanged"} for outcome in outcomes), "its neighbours are written", outcomes)


def check_changes(crm: Crm, kind: str, limit: int, *, most_pages: int = 1000) -> list[Change]:
    """The feed ends, gives each record once in a run, and every cursor survives being stored as JSON."""
    cursor: dict[str, object] = {}
    found: list[Change] = []
    for _ in range(most_pages):
        page = crm.changes(kind, json.loads(json.dumps(cursor)), limit)
        found += [item for item in page.items if isinstance(item, Change)]
        cursor = page.cursor
        if not page.more:
            break
    else:
        raise AssertionError(f"the feed of {kind} did not end after {most_pages} pages")
    _demand(len({change.id for change in found}) == len(found), "a run gives each record once")
    _demand(all(change.kind == kind and change.id for change in found), "changes are of the kind that was asked for")
    return found


def check_reading_back(crm: Crm, writes: Sequence[Write], compared: Sequence[str]) -> None:
    """What was written is read back, by the id of its outcome."""
    for write, outcome in zip(writes, crm.apply(writes), strict=True):
        read = crm.read(write.kind, [outcome.id])
        _demand(len(read) == 1, "a written record can be read", outcome)
        for name in compared:
            if name in write.fields:
                _demand(read[0].fields.get(name) == write.fields[name], f"{name} is as written", read[0].fields.get(name))
    _demand(crm.read(writes[0].kind, []) == [], "reading nothing gives nothing")


def check_schema(crm: Crm, kinds: Iterable[str]) -> None:
    """Preparing may be repeated; every kind is described, with a field that is unique."""
    crm.prepare()
    crm.prepare()
    described = {each.kind: each for each in crm.describe()}
    for kind in kinds:
        _demand(kind in described, "every kind is described", kind)
        _demand(any(each.unique and each.writable for each in described[kind].fields), "our unique field is there", kind)
