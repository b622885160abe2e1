"""Something happens to a person, a rule or a number in the very moment in which a message to them is sent: no send may break a rule.

    python -m tests.faults.races --database sqlite --races 500
    python -m tests.faults.races --database postgresql --races 500
    SABOTAGE=stale_law python -m tests.faults.races --races 60     # must show sends that break a rule

In each race two threads with database connections of their own start together, a few milliseconds apart at random: one sends a message
that was allowed when it was queued, the other lets something happen that forbids it. Whoever came first last time starts a little later,
so that both orders happen however fast the machine is; a long run in which one of them never did proves nothing and fails. Both draw a
number, from one counter, while they hold what orders them (the person's lock, or for changes of an account the moment after their
commit and before the sender reads). A send whose number is the later one and that the platform nevertheless got broke a rule. Counted
at the platform, which is this process.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock

from tests.faults.system import leave

LONGEST_GAP = 0.012
LEAST_STEP, MOST_STEP = 0.002, 0.064
# From so many races of a kind on, both orders must have happened.
ENOUGH = 20


@dataclass
class Outcome:
    """What the races of one kind came to. `sent` and `held` show that both orders happened."""

    races: int = 0
    broken: int = 0
    sent: int = 0
    held: int = 0
    unexplained: int = 0
    errors: list[str] = field(default_factory=list)
    # Seconds by which what happens starts later than the send; the step grows while one order repeats.
    lead: float = 0.0
    step: float = LEAST_STEP

    @property
    def one_sided(self) -> bool:
        return self.races >= ENOUGH and not (self.sent and self.held)

    def lean(self, *, sent: bool) -> None:
        """Sent: what happens came too late to matter, and starts earlier next time."""
        wanted = -1 if sent else 1
        self.step = min(MOST_STEP, 2 * abs(self.step)) * wanted if self.step * wanted > 0 else LEAST_STEP * wanted
        self.lead += self.step

    def line(self, name: str) -> str:
        counts = f"broken {self.broken}  unexplained {self.unexplained}  sent {self.sent}  held back {self.held}"
        return f"  {name:<18} {self.races:>4} races  {counts}"


@dataclass
class Platform:
    """Takes every message at once and remembers whose it was."""

    got: list[str] = field(default_factory=list)
    number: Any = field(default_factory=lambda: itertools.count(1))

    def send(self, message: Any) -> Any:
        from connectors.contracts import Receipt

        self.got.append(message.client_ref)
        return Receipt(f"wamid.RACE{os.getpid()}X{time.monotonic_ns()}X{next(self.number)}")


_order = itertools.count(1)


def _account(kind: str, number: int) -> Any:
    from scrm.connections.models import Connection

    slug = f"race-{kind.replace('_', '-')}-{number}-{time.monotonic_ns() % 10**9}"
    return Connection.objects.create(
        slug=slug, label="信義店", kind="channel", adapter="whatsapp_cloud", account_id=slug, country="TW", time_zone="Asia/Taipei"
    )


def _conversation(account: Any) -> Any:
    from connectors.contracts import Address
    from scrm.contacts.services import Sender, resolve_identity
    from scrm.conversations.models import Conversation
    from scrm.conversations.services import start_conversation
    from scrm.core import clock

    now = clock.now()
    identity = resolve_identity(Sender((Address("whatsapp", f"8869{random.randrange(10**8):08d}"),), name="林怡君"))
    chat = start_conversation(identity, account)
    Conversation.objects.filter(pk=chat.pk).update(window_expires_at=now + timedelta(hours=20), last_inbound_at=now - timedelta(hours=4))
    return Conversation.objects.select_related("identity__contact", "connection").get(pk=chat.pk)


# --- what happens: each returns the order number that it drew -------------------------------------------------------


def _with_lock(chat: Any, act: Callable[[Any], None]) -> int:
    from django.db import transaction

    from scrm.conversations.threads import locked

    with transaction.atomic():
        fresh = locked(chat)
        drawn = next(_order)
        act(fresh)
    return drawn


def _opts_out(chat: Any) -> int:
    from scrm.contacts.services import record_consent

    return _with_lock(chat, lambda c: record_consent(c.identity, purpose="all", allowed=False, source="message", evidence="STOP"))


def _declines_promotions(chat: Any) -> int:
    from scrm.contacts.services import record_consent

    return _with_lock(chat, lambda c: record_consent(c.identity, purpose="marketing", allowed=False, source="platform", evidence="stop"))


def _human_steps_in(chat: Any) -> int:
    from scrm.conversations.services import queue_message

    key = f"human:{chat.pk}"
    return _with_lock(chat, lambda c: queue_message(c, text="您好,我來幫您", source="agent", idempotency_key=key))


def _window_closes(chat: Any) -> int:
    from scrm.conversations.models import Conversation
    from scrm.core import clock

    return _with_lock(chat, lambda c: Conversation.objects.filter(pk=c.pk).update(window_expires_at=clock.now()))


def _blocks_us(chat: Any) -> int:
    from scrm.contacts.models import Identity
    from scrm.core import clock

    rows = Identity.objects.filter(pk=chat.identity_id)
    return _with_lock(chat, lambda c: rows.update(unreachable_since=clock.now(), unreachable_reason="blocked"))


def _cap_is_lowered(chat: Any) -> int:
    chat.connection.__class__.objects.filter(pk=chat.connection_id).update(daily_cap=0)
    return next(_order)


def _number_is_paused(chat: Any) -> int:
    from scrm.connections.services import pause

    pause(chat.connection, by="supervisor")
    return next(_order)


def _template_is_paused(chat: Any) -> int:
    from scrm.conversations.models import MessageTemplate

    MessageTemplate.objects.filter(connection=chat.connection_id).update(status="PAUSED")
    return next(_order)


def _rule_is_switched_off(chat: Any) -> int:
    from scrm.automation.models import Rule
    from scrm.automation.services import save_rule

    rule = Rule.objects.get(name=RULE)
    rule.enabled = False
    save_rule(rule)
    return next(_order)


RULE = "races"


def _rule_on() -> str:
    from scrm.automation.models import Rule

    rule, _ = Rule.objects.update_or_create(name=RULE, defaults={"action": "reply", "enabled": True})
    return f"rule:{rule.pk}:v{rule.version}"


@dataclass(frozen=True)
class Kind:
    """`draft`: the message that waits. `happens`: what forbids it. `locked`: it draws its number under the person's lock."""

    happens: Callable[[Any], int]
    draft: dict[str, Any]
    locked: bool = True


_REPLY = {"text": "自動回覆", "source": "rule"}
_TEMPLATE = {"kind": "template", "text": "出貨通知", "content": {"name": "shipped", "language": "zh_TW", "components": []}, "source": "api"}
KINDS: dict[str, Kind] = {
    "opt_out": Kind(_opts_out, _REPLY),
    "promotions_off": Kind(_declines_promotions, {**_TEMPLATE, "category": "marketing"}),
    "human_steps_in": Kind(_human_steps_in, _REPLY),
    "window_closes": Kind(_window_closes, {"text": "多謝您", "source": "api"}),
    "blocks_us": Kind(_blocks_us, _REPLY),
    "cap_lowered": Kind(_cap_is_lowered, _REPLY, locked=False),
    "number_paused": Kind(_number_is_paused, _REPLY, locked=False),
    "rule_off": Kind(_rule_is_switched_off, _REPLY, locked=False),
    "template_paused": Kind(_template_is_paused, {**_TEMPLATE, "category": "utility"}, locked=False),
}


def race(name: str, number: int, outcome: Outcome, chance: random.Random) -> None:
    """One race; adds what came of it."""
    from django.db import connections

    from scrm.conversations import outbox
    from scrm.conversations.models import Decision, Message, MessageTemplate
    from scrm.conversations.services import queue_message
    from scrm.conversations.threads import locked_many
    from scrm.core import clock

    kind, platform = KINDS[name], Platform()
    chat = _conversation(_account(name, number))
    if kind.draft.get("kind") == "template":
        MessageTemplate.objects.create(
            connection=chat.connection, name="shipped", language="zh_TW", category="UTILITY", status="APPROVED", synced_at=clock.now()
        )
    cause = _rule_on() if name == "rule_off" else ""
    message = queue_message(chat, idempotency_key=f"race:{chat.pk}", cause=cause, **kind.draft).message
    assert message.state == "queued", "the message must be allowed before the race"
    claims = [each for each in outbox.claim(50) if each.pk == message.pk]
    drawn: dict[str, int] = {}

    def ordered(ids: Any) -> Any:
        if not kind.locked:
            drawn["send"] = next(_order)
            return locked_many(ids)
        found = locked_many(ids)
        drawn["send"] = next(_order)
        return found

    barrier = threading.Barrier(2)
    gaps = chance.uniform(0, LONGEST_GAP) + max(0.0, outcome.lead), chance.uniform(0, LONGEST_GAP) + max(0.0, -outcome.lead)

    def run(gap: float, act: Callable[[], None]) -> None:
        try:
            barrier.wait(30)
            time.sleep(gap)
            act()
        except Exception as error:
            outcome.errors.append(f"{name}: {type(error).__name__}: {error}")
        finally:
            connections.close_all()

    def happen() -> None:
        drawn["event"] = kind.happens(chat)

    def send() -> None:
        for each in claims:
            outbox.send(each)

    with mock.patch.object(outbox, "locked_many", ordered), mock.patch.object(outbox, "channel_of", lambda connection: platform):
        threads = [threading.Thread(target=run, args=(gaps[0], happen)), threading.Thread(target=run, args=(gaps[1], send))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    outcome.races += 1
    outcome.lean(sent=bool(platform.got))
    if platform.got:
        outcome.sent += 1
        outcome.broken += int(drawn.get("event", 0) < drawn.get("send", 0))
        return
    outcome.held += 1
    fresh = Message.objects.get(pk=message.pk)
    told = Decision.objects.filter(message=message, moment="send").exclude(verdict="allow").exists()
    outcome.unexplained += int(not told and not (name == "number_paused" and fresh.state == "queued"))


def run(races: int, seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> dict[str, Outcome]:
    """Races of all kinds in turn in this process's database; needs Django set up and migrated."""
    chance, outcomes = random.Random(seed), {name: Outcome() for name in kinds}
    for number, name in zip(range(races), itertools.cycle(kinds), strict=False):
        race(name, number, outcomes[name], chance)
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--races", type=int, default=500)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="scrm-races-", dir="/tmp")
    server = None
    try:
        os.environ |= {"VAR_DIR": folder, "SCRM_ENV": "test", "DJANGO_SETTINGS_MODULE": "tests.faults.settings", "LOG_LEVEL": "ERROR"}
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/races.sqlite3"
        if given.database == "postgresql":
            from tests.databases import PostgreSQL

            server = PostgreSQL()
            os.environ["DATABASE_URL"] = server.url
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        outcomes = run(given.races, given.seed)
        sys.stdout.write(f"{given.races} races on {given.database}, seed {given.seed}\n")
        sys.stdout.write("\n".join(outcome.line(name) for name, outcome in outcomes.items()) + "\n")
        errors = Counter(error for outcome in outcomes.values() for error in outcome.errors)
        sys.stdout.write("".join(f"  {count} x {error}\n" for error, count in errors.items()))
        sys.stdout.write("".join(f"  {name}: one of the two orders never happened\n" for name, each in outcomes.items() if each.one_sided))
        return 1 if errors or any(each.broken or each.unexplained or each.one_sided for each in outcomes.values()) else 0
    finally:
        if server is not None:
            from django.db import connections

            connections.close_all()
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    leave(main)
