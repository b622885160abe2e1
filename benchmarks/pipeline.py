"""From the ledger to finished conversations, through the worker processes, with all shipped rules on; and how soon a message is visible.

Finished means: the conversation's row, the tags, every event delivered to automation and sync, the rules' runs, the automatic answers
accepted by the platform (a stand-in on loopback that answers at once), the CRM writes queued (the CRM itself is paused: its speed is
not ours).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from benchmarks import bodies, load
from benchmarks.measure import Result, Row, percentile
from benchmarks.place import Place, cpu_seconds, has_postgresql, place

TITLE = "Pipeline from ledger to finished conversation"
CUSTOMERS = 1000
STEADY = 80
PATIENCE = 240.0


@dataclass
class Clocked:
    """Seconds from the moment at which the bodies were in the ledger until each stage had nothing left."""

    messages: int
    stored: float = 0.0
    finished: float = 0.0
    cpu: float = 0.0
    answers: int = 0
    samples: list[float] = field(default_factory=list)


def run(*, quick: bool = False, vendor: str = "postgresql") -> Result:
    if vendor == "postgresql" and not has_postgresql():
        return Result("pipeline", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    rounds, count, seconds = (1, 1200, 10.0) if quick else (3, 8000, 60.0)
    with place(vendor, SCRM_SANDBOX="0", JOBS_ENABLED="1") as here:
        return _measure(here, rounds, count, seconds)


def _measure(here: Place, rounds: int, count: int, seconds: float) -> Result:
    from benchmarks import shop

    stub = here.granian("benchmarks.stub:application", workers=1, threads=4)
    here.open()
    shop.connect_numbers(f"http://127.0.0.1:{stub}")
    shop.connect_crm()
    shop.switch_rules_on()
    people = bodies.customers(CUSTOMERS)
    shop.place_orders(people)
    _settle()
    worker = here.start("manage.py", "work")
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(stop,), daemon=True)
    ticker.start()
    try:
        _wait(_is_finished, 60)
        _round(here, worker, people, 600, seed=99)
        clocked = [_round(here, worker, people, count, seed=seed) for seed in range(1, rounds + 1)]
        waits, answered = _steady(here, people, seconds)
    finally:
        stop.set()
        ticker.join()
    return _result(here, clocked, waits, answered, count)


def _result(here: Place, clocked: list[Clocked], waits: list[float], answered: load.Load, count: int) -> Result:
    asked = here.vendor == "postgresql"
    rows = [
        Row("stored, in their conversations, tagged", [each.messages / each.stored for each in clocked], "messages/s"),
        Row(
            "finished: also automation, answers, CRM queue",
            [each.messages / each.finished for each in clocked],
            "messages/s",
            least=250 if asked else None,
        ),
        Row("CPU of workers and database a message", [1000 * each.cpu / each.messages for each in clocked], "ms"),
        Row(f"receipt to visible at {STEADY}/s: p50", [1000 * percentile(waits, 0.5)], "ms"),
        Row(f"receipt to visible at {STEADY}/s: p95", [1000 * percentile(waits, 0.95)], "ms", most=1000 if asked else None),
        Row(f"receipt to visible at {STEADY}/s: p99", [1000 * percentile(waits, 0.99)], "ms"),
    ]
    notes = [
        f"{here.vendor}; {count} messages a round of {CUSTOMERS} customers, one a body, 15 % ask for their order; "
        f"{clocked[-1].answers} answers in the last round.",
        f"Visible: committed and counted in the conversation's version; {len(waits)} messages over HTTP, "
        f"web's own p99 {answered.at(0.99):.0f} ms.",
    ]
    return Result("pipeline" if asked else "pipeline on SQLite", f"{TITLE}, {here.vendor}", rows, notes)


def _tick(stop: threading.Event) -> None:
    """What the watchdog of `manage.py up` does."""
    from django.db import connection

    from scrm.core import jobs

    while not stop.wait(5.0):
        jobs.ask_for_tick()
    connection.close()


def _settle() -> None:
    from scrm.core import jobs

    jobs.run_everything_due(rounds=500)


def _open_work() -> int:
    from django.db.models import Q

    from scrm.contacts.models import EventDelivery
    from scrm.conversations.models import Message
    from scrm.core import clock
    from scrm.intake.models import InboundEvent

    now = clock.now()
    leaving = Message.objects.filter(Q(state="queued", due_at__lte=now) | Q(state__in=["claimed", "sending"]))
    return InboundEvent.objects.exclude(state="done").count() + EventDelivery.objects.filter(parked=False).count() + leaving.count()


def _is_finished() -> bool:
    """Asked four times a second of the machine that is measured: what is open longest comes first, so that mostly one look is enough."""
    from scrm.contacts.models import EventDelivery

    return not (EventDelivery.objects.filter(parked=False).exists() or _bodies_are_open() or _open_work())


def _bodies_are_open() -> bool:
    from scrm.intake.models import InboundEvent

    return InboundEvent.objects.exclude(state="done").order_by("id").exists()


def _wait(done: object, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise RuntimeError(f"{_open_work()} pieces of work are still open after {seconds:.0f} s")
        time.sleep(0.25)


def _round(here: Place, worker: object, people: list[bodies.Customer], count: int, *, seed: int) -> Clocked:
    from scrm.connections.models import Connection
    from scrm.conversations.models import Message
    from scrm.core import clock, jobs
    from scrm.intake.models import COMPRESS_FROM, InboundEvent

    owners = dict(Connection.objects.values_list("slug", "pk"))
    now = clock.now()
    rows = []
    for each in bodies.texts(people, count, seed=seed):
        raw = bodies.body([each])
        assert len(raw) < COMPRESS_FROM
        rows.append(InboundEvent(connection_id=owners[each.customer.number.slug], body=raw, size=len(raw), received_at=now))
    clocked = Clocked(count)
    watched = [worker, here.server.process] if here.server else [worker]
    answers = Message.objects.filter(direction="out", state="accepted").count()
    cpu = cpu_seconds(watched)  # type: ignore[arg-type]
    InboundEvent.objects.bulk_create(rows, batch_size=1000)
    started = time.monotonic()
    jobs.wake("inbound")
    _wait(lambda: not _bodies_are_open())
    clocked.stored = time.monotonic() - started
    _wait(_is_finished)
    clocked.finished = time.monotonic() - started
    clocked.cpu = cpu_seconds(watched) - cpu  # type: ignore[arg-type]
    clocked.answers = Message.objects.filter(direction="out", state="accepted").count() - answers
    _check(count)
    return clocked


def _check(count: int) -> None:
    """Speed is worth nothing if something is missing."""
    from scrm.automation.models import Rule, Run
    from scrm.contacts.models import Event
    from scrm.conversations.models import Message
    from scrm.intake.models import InboundItem

    received = Message.objects.filter(direction="in").count()
    asked = Run.objects.filter(event__kind="message.received").count()
    rules = Rule.objects.filter(enabled=True, trigger="message.received").count()
    items = InboundItem.objects.filter(state="processed").count()
    events = Event.objects.filter(kind="message.received").count()
    if not received == items == events or asked != rules * received:
        raise RuntimeError(f"{received} messages, {items} items, {events} events, {asked} evaluations of {rules} rules")


def _steady(here: Place, people: list[bodies.Customer], seconds: float) -> tuple[list[float], load.Load]:
    """80 single messages a second over HTTP; the seconds from when each was due to when it can be seen."""
    web = here.granian("scrm.wsgi:application", workers=2 if here.vendor == "postgresql" else 1)
    texts = list(bodies.texts(people, int(STEADY * seconds) + 1, seed=77))
    requests = []
    for each in texts:
        raw = bodies.body([each])
        path = f"/webhooks/whatsapp/{each.customer.number.slug}/"
        requests.append(load.request(path, raw, {"X-Hub-Signature-256": bodies.signature(raw)}))
    seen: dict[str, float] = {}
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(seen, stop), daemon=True)
    watcher.start()
    started = time.perf_counter()
    answered = load.paced(web, requests, rate=STEADY, seconds=seconds)
    time.sleep(3)
    stop.set()
    watcher.join()
    if answered.refused:
        raise RuntimeError(f"answers other than 200: {answered.statuses}")
    # The generator's first request is the list's second, due at the start.
    due = {texts[place % len(texts)].id: started + (place - 1) / STEADY for place in range(1, int(STEADY * seconds) + 1)}
    return [seen.get(id_, due[id_] + 99) - due[id_] for id_ in due], answered


def _watch(seen: dict[str, float], stop: threading.Event) -> None:
    """Looks every 25 ms for messages that are committed; a little back as well, because transactions commit out of order."""
    from django.db import connection

    from scrm.conversations.models import Message

    last = Message.objects.order_by("-id").values_list("id", flat=True).first() or 0
    while not stop.is_set():
        found = list(
            Message.objects.filter(id__gt=last - 500, direction="in", conversation__version__gt=0).values_list("id", "external_id")
        )
        now = time.perf_counter()
        for pk, external_id in found:
            seen.setdefault(external_id, now)
            last = max(last, pk)
        time.sleep(0.025)
    connection.close()
