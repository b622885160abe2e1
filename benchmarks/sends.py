"""Sending: a number's full speed to the sandbox, with every rule asked twice and a decision row each time; and how soon a message leaves.

The sandbox is a process of its own that checks each body against the platform's contract, keeps its own counters (80 a second for each
number: more is refused) and its own log; what counts is that log, not our tables. Everybody has written within the day, so
agents' answers may go. The CRM is paused: its speed is not ours, and its stand-in would take its share of the same process.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from datetime import UTC, datetime
from typing import Any

from benchmarks.measure import Result, Row, percentile
from benchmarks.place import Place, cpu_seconds, free_port, has_postgresql, place

TITLE = "Sending to the sandbox"
STEADY = 40
PATIENCE = 180.0


def run(*, quick: bool = False, vendor: str = "postgresql") -> Result:
    if vendor == "postgresql" and not has_postgresql():
        return Result("sends", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    count, seconds = (800, 10.0) if quick else (4000, 60.0)
    sandbox = free_port()
    with place(vendor, SCRM_SANDBOX="1", JOBS_ENABLED="1", SANDBOX_PORT=str(sandbox), SANDBOX_DELIVERER="0") as here:
        return _measure(here, count, seconds)


def _measure(here: Place, count: int, seconds: float) -> Result:
    here.open()
    _prepare(here, count)
    from scrm.core import jobs

    jobs.run_everything_due(rounds=200)
    worker = here.start("manage.py", "work")
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(stop,), daemon=True)
    ticker.start()
    try:
        _queue(here, "sandbox-hk", 100, "warm")
        _wait(lambda: not _open())
        one = [_burst(here, worker, ("sandbox-hk",), count // 2, f"one{n}") for n in range(2)]
        three = [_burst(here, worker, ("sandbox-hk", "sandbox-tw", "sandbox-jp"), count, f"three{n}") for n in range(2)]
        waits = _steady(here, seconds)
    finally:
        stop.set()
        ticker.join()
    rows = [
        Row("one number, a backlog of its answers", [each[0] for each in one], "messages/s", least=80),
        Row("three numbers at once, all of them", [each[0] for each in three], "messages/s"),
        Row("CPU of workers and database a message", [1000 * each[1] for each in one + three], "ms"),
        Row(f"queued to taken by the platform at {STEADY}/s: p50", [1000 * percentile(waits, 0.5)], "ms"),
        Row(f"queued to taken by the platform at {STEADY}/s: p95", [1000 * percentile(waits, 0.95)], "ms", most=1000),
    ]
    notes = [
        f"{here.vendor}; {count // 2} messages of one number, {count} of three, {len(waits)} at {STEADY}/s; each to another person, "
        "two decisions and a slot each. The speed is the sandbox's log: messages taken, over the time from the first to the last.",
        "A number may have 80 a second and no more, so the first row cannot be much above it.",
    ]
    return Result("sends", f"{TITLE}, {here.vendor}", rows, notes)


def _prepare(here: Place, count: int) -> None:
    """The sandbox with its numbers, people whose windows are open on both sides, and the product's connections to it."""
    from django.conf import settings
    from django.core.management import call_command
    from django.utils import timezone

    from connectors.contracts import Address
    from scrm.connections.models import Connection
    from scrm.contacts.services import Sender, resolve_many
    from scrm.conversations.models import Conversation
    from scrm.sandbox import onboarding
    from scrm.sandbox.models import Chat, Number, Person

    call_command("migrate", database="sandbox", verbosity=0, interactive=False)
    onboarding.set_up()
    Connection.objects.filter(kind="channel").update(tier="enterprise", daily_cap=10**7)
    Connection.objects.filter(kind="crm").update(state="paused")
    numbers = {number.slug: number for number in Number.objects.all()}
    now = timezone.now()
    people = max(400, count // 4)
    for slug, number in numbers.items():
        prefix = {"sandbox-hk": "85260", "sandbox-tw": "88697", "sandbox-jp": "81909"}[slug]
        made = [Person(name=f"Chan {n}", phone=f"{prefix}{n:06d}", user_id=f"{number.country}.{slug[-2:]}{n:012d}") for n in range(people)]
        Person.objects.bulk_create(made)
        Chat.objects.bulk_create([Chat(number=number, person=person, last_inbound_at=now) for person in made])
        connection = Connection.objects.get(slug=slug)
        for start in range(0, people, 200):
            senders = [Sender((Address("whatsapp", str(p.phone)),), name=p.name) for p in made[start : start + 200]]
            Conversation.objects.bulk_create(
                [
                    Conversation(
                        identity=identity,
                        connection=connection,
                        opened_at=now,
                        last_message_at=now,
                        last_inbound_at=now,
                        changed_at=now,
                        window_expires_at=now + timezone.timedelta(hours=23),
                    )
                    for identity in resolve_many(senders)
                ]
            )
    port = here.granian_at(settings.SANDBOX_PORT, "scrm.sandbox.wsgi:application", workers=1, threads=8)
    assert port == settings.SANDBOX_PORT


_talks: dict[str, list[int]] = {}
_asked = 0


def _queue(here: Place, slug: str, count: int, name: str) -> None:
    """Agents' answers, many in a transaction: the backlog is made before the clock starts."""
    from scrm.conversations.models import Conversation
    from scrm.conversations.services import Draft, queue_many

    global _asked
    if slug not in _talks:
        _talks[slug] = list(Conversation.objects.filter(connection__slug=slug).order_by("pk").values_list("pk", flat=True))
    chosen = [_talks[slug][(_asked + n) % len(_talks[slug])] for n in range(count)]
    _asked += count
    for start in range(0, count, 50):
        part = Conversation.objects.in_bulk(chosen[start : start + 50])
        queue_many(
            [
                Draft(part[pk], source="api", text=f"多謝您嘅查詢 {name} {start + n}", idempotency_key=f"{name}:{slug}:{start + n}")
                for n, pk in enumerate(chosen[start : start + 50])
            ]
        )


def _burst(here: Place, worker: Any, slugs: tuple[str, ...], count: int, name: str) -> tuple[float, float]:
    """Messages a second by the sandbox's log, and CPU seconds a message."""
    from scrm.connections.models import Connection
    from scrm.core import jobs

    Connection.objects.filter(slug__in=slugs).update(state="paused")
    for slug in slugs:
        _queue(here, slug, count // len(slugs), name)
    before, cpu = _log(here), cpu_seconds([worker, *([here.server.process] if here.server else [])])
    Connection.objects.filter(slug__in=slugs).update(state="active")
    jobs.wake("outbox")
    _wait(lambda: not _open())
    used = cpu_seconds([worker, *([here.server.process] if here.server else [])]) - cpu
    taken = sorted(at for ref, at in _log(here).items() if ref not in before)
    if len(taken) != count // len(slugs) * len(slugs):
        raise RuntimeError(f"{len(taken)} of {count} messages arrived")
    return len(taken) / (taken[-1] - taken[0]), used / len(taken)


def _steady(here: Place, seconds: float) -> list[float]:
    """One message at a time, 40 a second over three numbers: from the call that queues it to the platform's own clock."""
    from scrm.conversations.models import Conversation
    from scrm.conversations.services import queue_message
    from scrm.conversations.statuses import client_ref

    slugs = ("sandbox-hk", "sandbox-tw", "sandbox-jp")
    for slug in slugs:
        _queue(here, slug, 1, "steady-warm")
    _wait(lambda: not _open())
    begun, asked = time.monotonic(), {}
    for n in range(int(STEADY * seconds)):
        time.sleep(max(0.0, begun + n / STEADY - time.monotonic()))
        slug = slugs[n % 3]
        talk = Conversation.objects.get(pk=_talks[slug][(n * 7) % len(_talks[slug])])
        at = time.time()
        asked[client_ref(queue_message(talk, source="api", text=f"steady {n}", idempotency_key=f"steady:{n}").message)] = at
    _wait(lambda: not _open())
    taken = _log(here)
    return [max(0.0, taken[ref] - at) for ref, at in asked.items()]


def _log(here: Place) -> dict[str, float]:
    """When the sandbox took each message, by its own clock; by our reference."""
    with sqlite3.connect(f"file:{here.folder}/sandbox.sqlite3?mode=ro", uri=True, timeout=30) as log:
        rows = log.execute("SELECT opaque, sent_at FROM sandbox_message WHERE NOT inbound ORDER BY id").fetchall()
    return {opaque: datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() for opaque, at in rows}


def _open() -> int:
    from scrm.conversations.models import Message

    return Message.objects.filter(state__in=["queued", "claimed", "sending"]).count()


def _wait(done: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("messages are still open")
        time.sleep(0.25)


def _tick(stop: threading.Event) -> None:
    from django.db import connection

    from scrm.core import jobs

    while not stop.wait(5.0):
        jobs.ask_for_tick()
    connection.close()
