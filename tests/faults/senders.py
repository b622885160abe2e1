"""Many senders at one person at once, each in a process with a database connection of its own: no rule may be exceeded, none under-filled.

    python -m tests.faults.senders --database sqlite --rounds 40
    python -m tests.faults.senders --database postgresql --rounds 40
    SABOTAGE=check_then_insert python -m tests.faults.senders --database postgresql --rounds 5     # must show messages over the limit

A round is one fresh person and 32 attempts that begin together. What counts is read from the table of slots and the decisions, which
the attempts leave behind; errors are those that any sender met.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.faults.system import leave

SENDERS = 32
LARGE_CAP = 1000


@dataclass(frozen=True)
class Case:
    """`allowed` of 32 attempts must be allowed at once, no more and no less. `build(i)` gives the arguments of attempt i."""

    name: str
    allowed: int
    build: Callable[[int], dict[str, Any]]
    window: bool = True
    paused: bool = False
    cap: int | None = None
    used: int = 0
    one_cause: bool = False


def _template(name: str) -> dict[str, Any]:
    return {"kind": "template", "content": {"name": name, "language": "zh_HK", "components": []}}


CASES = (
    Case("window_closed", 0, lambda i: {"text": f"還在嗎? {i}", "source": "agent"}, window=False),
    Case("human_pause", 0, lambda i: {"text": f"自動回覆 {i}", "source": "rule"}, paused=True),
    Case("template_24h", 1, lambda i: {**_template(f"notice_{i}"), "category": "utility", "source": "campaign"}),
    Case("same_content", 5, lambda i: {"text": "週年慶開跑", "source": "rule"}),
    Case("promotion_weekly", 1, lambda i: {"text": f"限時優惠 {i}", "category": "marketing", "source": "api"}),
    Case(
        "notice_repeated",
        1,
        lambda i: {"text": f"お荷物が届きました {i}", "category": "utility", "event_key": "parcel 1", "source": "rule"},
    ),
    Case("daily_cap", 7, lambda i: {"text": f"message {i}", "source": "api"}, cap=7),
    Case(f"daily_cap of {LARGE_CAP}", 7, lambda i: {"text": f"message {i}", "source": "api"}, cap=LARGE_CAP, used=LARGE_CAP - 7),
    Case("one cause", 1, lambda i: {"text": "回覆", "source": "rule"}, one_cause=True),
)


@dataclass
class Tally:
    over: int = 0
    under: int = 0
    errors: int = 0
    attempts: int = 0
    seconds: float = 0.0

    def line(self, name: str) -> str:
        rate = self.attempts / self.seconds if self.seconds else 0
        return f"  {name:<22} {self.attempts:>6} attempts  over {self.over}  under-filled {self.under}  errors {self.errors}  {rate:.0f}/s"


def prepare(case: Case, number: int) -> int:
    """A fresh person, account and conversation for one round; the conversation's id."""
    from connectors.contracts import Address
    from scrm.connections.models import Connection
    from scrm.contacts.services import Sender, resolve_identity
    from scrm.conversations.models import Conversation, Quota
    from scrm.conversations.services import start_conversation
    from scrm.core import clock
    from scrm.core.zones import business_day

    now = clock.now()
    slug = f"p01-{case.name.replace(' ', '-')[:30]}-{number}"
    account = Connection.objects.create(
        slug=slug,
        label="信義店",
        kind="channel",
        adapter="whatsapp_cloud",
        account_id=slug,
        country="TW",
        time_zone="Asia/Taipei",
        daily_cap=case.cap,
    )
    if case.used:
        Quota.objects.create(connection=account, day=business_day(now, account.time_zone), used=case.used, cap=case.cap)
    phone = f"8869{abs(hash((case.name, number, os.getpid()))) % 10**8:08d}"
    conversation = start_conversation(resolve_identity(Sender((Address("whatsapp", phone),), name="林怡君")), account)
    ahead = now + timedelta(hours=20)
    Conversation.objects.filter(pk=conversation.pk).update(
        window_expires_at=ahead if case.window else None, automation_paused_until=ahead if case.paused else None, last_inbound_at=now
    )
    return conversation.pk


def attempt(case: Case, conversation_id: int, sender: int) -> None:
    from scrm.conversations.models import Conversation
    from scrm.conversations.services import queue_message

    key = f"p01:{conversation_id}" if case.one_cause else f"p01:{conversation_id}:{sender}"
    queue_message(Conversation.objects.get(pk=conversation_id), idempotency_key=key, **case.build(sender))


def count(case: Case, conversation_id: int, tally: Tally) -> None:
    from scrm.conversations.models import Conversation, Decision, Quota, Reservation

    allowed = Decision.objects.filter(message__conversation=conversation_id, verdict="allow", moment="queue").count()
    slots = Reservation.objects.filter(message__conversation=conversation_id, released=False).count()
    tally.over += max(0, allowed - case.allowed, slots - case.allowed)
    tally.under += max(0, case.allowed - min(allowed, slots))
    quota = Quota.objects.filter(connection=Conversation.objects.get(pk=conversation_id).connection_id).first()
    if quota is not None and quota.used != case.used + slots:
        tally.over += abs(quota.used - case.used - slots)


def _sender(sender: int, rounds: list[tuple[int, int]], barrier: Any, errors: Any) -> None:
    """One process: the same number in every round, all of them starting each round together."""
    from django.db import connections

    connections.close_all()
    for case_number, conversation_id in rounds:
        barrier.wait(120)
        try:
            attempt(CASES[case_number], conversation_id, sender)
        except Exception:
            errors.put((case_number, traceback.format_exc(limit=-3)))
    connections.close_all()


def fight(rounds: int, *, cases: tuple[Case, ...] = CASES, senders: int = SENDERS) -> dict[str, Tally]:
    """Run all cases in this process's database with forked senders; needs Django set up and migrated."""
    from django.db import connections

    tallies = {case.name: Tally() for case in cases}
    plan = [(CASES.index(case), prepare(case, number)) for case in cases for number in range(rounds)]
    connections.close_all()
    context = multiprocessing.get_context("fork")
    barrier, errors = context.Barrier(senders), context.Queue()
    crowd = [context.Process(target=_sender, args=(number, plan, barrier, errors), daemon=True) for number in range(senders)]
    began = time.monotonic()
    for process in crowd:
        process.start()
    for process in crowd:
        process.join(600)
    seconds = time.monotonic() - began
    for case_number, conversation_id in plan:
        case = CASES[case_number]
        tallies[case.name].attempts += senders
        tallies[case.name].seconds += seconds / len(plan)
        count(case, conversation_id, tallies[case.name])
    while not errors.empty():
        case_number, text = errors.get()
        tallies[CASES[case_number].name].errors += 1
        sys.stderr.write(text)
    for process in crowd:
        if process.exitcode:
            next(iter(tallies.values())).errors += 1
    return tallies


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="scrm-p01-", dir="/tmp")
    server = None
    try:
        os.environ |= {"VAR_DIR": folder, "SCRM_ENV": "test", "DJANGO_SETTINGS_MODULE": "tests.faults.settings", "LOG_LEVEL": "ERROR"}
        os.environ.pop("DATABASE_URL", None)
        if given.database == "postgresql":
            from tests.databases import PostgreSQL

            server = PostgreSQL()
            os.environ["DATABASE_URL"] = server.url
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        tallies = fight(given.rounds)
        sys.stdout.write(
            f"{SENDERS} senders on {given.database}, {given.rounds} rounds\n"
            + "\n".join(t.line(name) for name, t in tallies.items())
            + "\n"
        )
        return 1 if any(t.over or t.under or t.errors for t in tallies.values()) else 0
    finally:
        if server is not None:
            from django.db import connections

            connections.close_all()
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    leave(main)
