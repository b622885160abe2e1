"""Receivers of webhooks that do everything wrong at once, each for a share of its calls: redirects, refusals, silence, answers without end.

Counted at the receivers: what they said yes to is told once and never again, what they refused comes again five minutes later under the
same id and with a good signature, four times at most, and nobody is sent elsewhere. `make faults` tells 1,000 events.
"""

from __future__ import annotations

import itertools
import resource
import socket
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from connectors import standard_webhooks
from connectors.errors import BadSignature
from scrm.core import clock
from scrm.hooks import services
from scrm.hooks.models import Delivery, Endpoint
from tests.faults.sabotage import sabotaged
from tests.faults.scale import draw, size
from tests.faults.storms import say
from tests.hooks.conftest import standing_clock  # noqa: F401
from tests.hooks.test_bad_receivers import (
    Answer,
    RawReceiver,
    breaks_off,
    declares_much,
    drips,
    hangs,
    plain,
    raw,  # noqa: F401
    resets,
    without_end,
)
from tests.hooks.test_deliveries import happened, send

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS = size(15, 1000)
SHARES = (0.01, 0.1, 0.3) if EVENTS > 100 else (0.3,)
AT_A_TIME = 50
STEP, LONGEST = timedelta(seconds=30), timedelta(days=2)
TRIES, WAIT, JITTER = 4, timedelta(minutes=5), 0.1
MOST_GROWTH_KB = 100 * 1024
TAKEN: dict[str, Answer] = {"endless": without_end(200), "declared": declares_much(202), "dripping": drips(200), "broken off": breaks_off}
REFUSED: dict[str, Answer] = {
    "redirect": plain(302, Location="/elsewhere"),
    "moved": plain(308, Location="http://169.254.169.254/latest"),
    "hanging": hangs,
    "reset": resets,
    "error 400": plain(400),
    "error 500": plain(500),
    "endless 500": without_end(500),
}
# Costs no try: the receiver says when it wants to be called again.
PATIENCE: dict[str, Answer] = {"error 429": plain(429, Retry_After="120")}
ODD = {**TAKEN, **REFUSED, **PATIENCE}


@dataclass
class Mischief:
    """How one receiver answers: oddly for a share of its calls, 410 after `gone` of them. `log`: when it was called, and what it said."""

    name: str
    share: float = 0.0
    gone: int = 0
    log: list[tuple[datetime, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = draw(f"webhooks at {self.name}")

    def __call__(self, made: socket.socket) -> None:
        said = "410" if self.gone and len(self.log) >= self.gone else "yes"
        if said == "yes" and self.dice.random() < self.share:
            said = self.dice.choice(list(ODD))
        self.log.append((clock.now(), said))
        ODD.get(said, plain(410 if said == "410" else 200))(made)


@dataclass
class Told:
    """One message at one receiver, from the receiver's side."""

    at: list[datetime] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    bodies: set[bytes] = field(default_factory=set)

    @property
    def taken(self) -> int:
        return sum(each == "yes" or each in TAKEN for each in self.said)

    def broken(self) -> list[str]:
        refused = [index for index, said in enumerate(self.said) if said in REFUSED]
        waits = [self.at[index + 1] - self.at[index] for index in refused if index + 1 < len(self.at)]
        return [
            *(["told again after a yes"] if self.taken > 1 else []),
            *(["more tries than allowed"] if len(refused) + self.taken > TRIES else []),
            *(["tried again too soon"] if any(each < WAIT * (1 - JITTER) for each in waits) else []),
            *(["another body under the same id"] if len(self.bodies) > 1 else []),
        ]


class Field:
    """The receivers, what they heard, and the storm over them."""

    def __init__(self, raw: RawReceiver) -> None:  # noqa: F811
        self.raw = raw
        self.mischief = [Mischief(f"share-{share:.0%}", share) for share in SHARES]
        self.mischief += [Mischief("healthy"), Mischief("gone", 0.1, gone=max(3, EVENTS // 3))]
        self.endpoints: dict[str, Endpoint] = {}
        for each in self.mischief:
            raw.answers[f"/{each.name}"] = each
            self.endpoints[each.name] = services.subscribe(f"{raw.url}/{each.name}", ["contact.created"], label=each.name)[0]
        raw.answers["/elsewhere"] = plain(200)

    def rages(self) -> None:
        for told in range(0, EVENTS, AT_A_TIME):
            happened(min(AT_A_TIME, EVENTS - told))
            send()
            clock.advance(STEP)
        self.ends()

    def ends(self) -> None:
        until = clock.now() + LONGEST
        while Delivery.objects.filter(state="due").exists() and clock.now() < until:
            send()
            clock.advance(STEP)

    def heard(self, name: str) -> dict[str, Told]:
        """By message id. A receiver is called by one at a time, so that its log and what arrived are in step."""
        arrived = [(headers, body) for path, headers, body in self.raw.seen if path == f"/{name}"]
        (mischief,) = [each for each in self.mischief if each.name == name]
        found: dict[str, Told] = defaultdict(Told)
        for (headers, body), (at, said) in zip(arrived, mischief.log, strict=True):
            told = found[headers["webhook-id"]]
            told.at.append(at)
            told.said.append(said)
            told.bodies.add(body)
        return found

    def forged(self) -> int:
        """Calls whose signature does not hold at the moment at which they came."""
        count = 0
        for each in self.mischief:
            secrets = self.endpoints[each.name].secrets["signing"]
            arrived = [(headers, body) for path, headers, body in self.raw.seen if path == f"/{each.name}"]
            for (headers, body), (at, _said) in zip(arrived, each.log, strict=True):
                try:
                    standard_webhooks.verify(secrets, headers, body, at)
                except BadSignature:
                    count += 1
        return count

    def broken(self) -> Counter[str]:
        """Promises to the receivers that were not kept, and how often."""
        return Counter(itertools.chain.from_iterable(told.broken() for each in self.mischief for told in self.heard(each.name).values()))

    def disagreeing(self, name: str) -> list[str]:
        """Messages that stand as taken and were not, or as failed without a reason or although they were taken."""
        heard = self.heard(name)
        rows = Delivery.objects.filter(endpoint=self.endpoints[name])
        return [
            row.message_id
            for row in rows
            if row.state != ("done" if heard[row.message_id].taken else "failed")
            or (row.state == "failed" and (not row.reason or sum(said in REFUSED for said in heard[row.message_id].said) != TRIES))
        ]


@pytest.fixture
def field_(raw: RawReceiver) -> Field:  # noqa: F811
    return Field(raw)


class Storms:
    def test_each_receiver_is_told_once_and_four_times_at_most(self, field_: Field) -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        field_.rages()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        odd = Counter(said for each in field_.mischief for _at, said in each.log if said in ODD)
        states = Counter(Delivery.objects.values_list("endpoint__label", "state"))
        reasons = Counter(Delivery.objects.filter(state="failed").values_list("reason", flat=True))
        say(f"{EVENTS} events, {len(field_.raw.seen)} calls, odd answers {dict(odd)}, {dict(states)}, failed {dict(reasons)}, +{grown} kB")
        assert odd.total() > 0 and field_.broken() == Counter() and field_.forged() == 0
        assert "/elsewhere" not in field_.raw.paths() and grown < MOST_GROWTH_KB
        assert [(name, wrong) for name in field_.endpoints if name != "gone" and (wrong := field_.disagreeing(name))] == []
        assert states["healthy", "done"] == EVENTS == field_.raw.paths()["/healthy"]
        self.gone_is_gone(field_)
        self.failed_ones_are_told_when_all_is_well_again(field_)

    def gone_is_gone(self, field_: Field) -> None:
        (gone,) = [each for each in field_.mischief if each.name == "gone"]
        assert [said for _at, said in gone.log].count("410") == 1 and gone.log[-1][1] == "410"
        assert Endpoint.objects.get(label="gone").state == "off"
        assert not Delivery.objects.filter(endpoint__label="gone", state="due").exists()

    def failed_ones_are_told_when_all_is_well_again(self, field_: Field) -> None:
        failed = Delivery.objects.filter(state="failed").exclude(endpoint__label="gone")
        again = set(failed.values_list("endpoint__label", "message_id"))
        for each in field_.mischief:
            each.share = 0.0
        assert services.replay(failed) == len(again)
        field_.ends()
        assert all(field_.heard(name)[message].taken == 1 for name, message in again)
        assert not failed.exists()

    def test_would_be_told_too_often_without_the_wait(self, field_: Field) -> None:
        with sabotaged("hasty_hooks"):
            happened(15)
            for _ in range(10):
                send()
                clock.advance(STEP)
        assert field_.broken()["tried again too soon"] > 0
