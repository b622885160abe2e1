"""From a customer's message to the write in the CRM, and the first load of all contacts; through the workers, against the CRM stand-in.

The stand-in is a process of its own that keeps HubSpot's limits and counts every call; what counts is its table. The lag is taken
from when the webhook's body was stored to when the communication's write was answered; a second of it is waited on purpose, so
that a burst of messages is one write.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import bodies
from benchmarks.measure import Result, Row, percentile
from benchmarks.place import Place, cpu_seconds, free_port, has_postgresql, place

TITLE = "Sync with the CRM"
CRM = "sandbox-hubspot"
# Messages an hour, and ten times as many.
ORDINARY, BUSY = 1_000, 10_000
PATIENCE = 900.0


def run(*, quick: bool = False, vendor: str = "postgresql") -> Result:
    if vendor == "postgresql" and not has_postgresql():
        return Result("sync", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    seconds, people = (20.0, 2_000) if quick else (120.0, 100_000)
    sandbox = free_port()
    with place(vendor, SCRM_SANDBOX="1", JOBS_ENABLED="1", SANDBOX_PORT=str(sandbox), SANDBOX_DELIVERER="0") as here:
        return _measure(here, seconds, people)


def _measure(here: Place, seconds: float, people: int) -> Result:
    here.open()
    _prepare(here)
    worker = here.start("manage.py", "work")
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(stop,), daemon=True)
    ticker.start()
    try:
        _settled()
        ordinary = _lags(ORDINARY, seconds, 1)
        busy = _lags(BUSY, seconds, 2)
        load = _first_load(here, worker, people)
    finally:
        stop.set()
        ticker.join()
    rows = [
        Row(f"message to CRM at {ORDINARY:,} an hour: p50", [percentile(ordinary, 0.5)], "ms"),
        Row(f"message to CRM at {ORDINARY:,} an hour: p95", [percentile(ordinary, 0.95)], "ms", most=3000),
        Row(f"message to CRM at {BUSY:,} an hour: p50", [percentile(busy, 0.5)], "ms"),
        Row(f"message to CRM at {BUSY:,} an hour: p95", [percentile(busy, 0.95)], "ms", most=3000),
        Row("first load", [people / load["seconds"]], "contacts/s"),
        Row("records a call", [people / max(load["calls"], 1.0)], ""),
        Row("CPU of workers and database a record", [1000 * load["cpu"] / people], "ms"),
        Row("workers' memory: growth in the second half of the load", [load["growth"]], "MB", most=40),
    ]
    notes = [
        f"{here.vendor}; {len(ordinary)} and {len(busy)} messages of as many customers; {people:,} contacts in the first load, "
        f"all found in the CRM afterwards; {load['calls']:.0f} calls.",
        "The stand-in keeps 190 calls in ten seconds, as HubSpot does for an app of one account.",
    ]
    return Result("sync", f"{TITLE}, {here.vendor}", rows, notes)


def _prepare(here: Place) -> None:
    from django.conf import settings
    from django.core.management import call_command

    from benchmarks import shop
    from scrm.connections.models import Connection
    from scrm.core import jobs
    from scrm.sandbox import onboarding

    call_command("migrate", database="sandbox", verbosity=0, interactive=False)
    onboarding.set_up()
    shop.connect_numbers(f"http://127.0.0.1:{settings.SANDBOX_PORT}")
    Connection.objects.filter(kind="crm").exclude(slug=CRM).update(state="paused")
    here.granian_at(settings.SANDBOX_PORT, "scrm.sandbox.wsgi:application", workers=1, threads=8)
    jobs.run_everything_due(rounds=500)


def _lags(an_hour: int, seconds: float, seed: int) -> list[float]:
    """Milliseconds from each body's storing to its communication's write."""
    from django.db.models import Max

    from scrm.connections.models import Connection
    from scrm.conversations.models import Message
    from scrm.core import clock, jobs
    from scrm.intake.models import InboundEvent
    from scrm.sync.models import Push

    crm = Connection.objects.get(slug=CRM)
    owners = dict(Connection.objects.values_list("slug", "pk"))
    count = max(int(an_hour * seconds / 3600), 12)
    writers = bodies.customers(2000)[seed * 900 : seed * 900 + count]
    gap = 3600 / an_hour
    stored: dict[str, Any] = {}
    began = time.monotonic()
    # One message of each: what somebody writes again is written into the same record of the CRM, later.
    once = [text for number, writer in enumerate(writers) for text in bodies.texts([writer], 1, seed=1_000 * seed + number)]
    for place_, each in enumerate(once):
        time.sleep(max(0.0, began + place_ * gap - time.monotonic()))
        raw = bodies.body([each])
        at = clock.now()
        InboundEvent.objects.create(connection_id=owners[each.customer.number.slug], body=raw, size=len(raw), received_at=at)
        jobs.wake("inbound")
        stored[each.id] = at
    _settled()
    lags = []
    talks = dict(Message.objects.filter(external_id__in=stored).values_list("external_id", "conversation_id"))
    for external_id, at in stored.items():
        pushes = Push.objects.filter(connection=crm, kind="communication", key__startswith=f"{talks[external_id]}:", pushed_at__gte=at)
        written = pushes.aggregate(at=Max("pushed_at"))["at"]
        if written is None:
            raise RuntimeError(f"message {external_id} is not in the CRM")
        lags.append((written - at) / timedelta(milliseconds=1))
    return lags


def _first_load(here: Place, worker: Any, people: int) -> dict[str, float]:
    from connectors.contracts import Address
    from scrm.connections.models import Connection
    from scrm.contacts.models import Contact
    from scrm.contacts.services import Sender, resolve_many
    from scrm.sync import initial
    from scrm.sync.models import Push

    crm = Connection.objects.get(slug=CRM)
    # They were there before the CRM was connected.
    Connection.objects.filter(pk=crm.pk).update(state="paused")
    for start in range(0, people, 500):
        resolve_many([Sender((Address("whatsapp", f"8526{n:07d}"),), name=f"Chan {n}") for n in range(start, min(start + 500, people))])
    _settled(written=False)
    Push.objects.filter(connection=crm, state="due").delete()
    Connection.objects.filter(pk=crm.pk).update(state="active")
    watched = [worker, *([here.server.process] if here.server else [])]
    calls, cpu, began = _calls(here), cpu_seconds(watched), time.monotonic()
    middle = 0.0
    initial.begin(crm)
    while True:
        now = initial.progress(Connection.objects.get(pk=crm.pk))
        assert now is not None
        if not middle and now.asked * 2 >= now.total:
            middle = _memory(worker.pid)
        if now.done and not _due():
            break
        if time.monotonic() - began > PATIENCE:
            raise RuntimeError(f"the first load is at {now.asked} of {now.total}")
        time.sleep(0.5)
    load = {
        "seconds": time.monotonic() - began,
        "calls": float(_calls(here) - calls),
        "cpu": cpu_seconds(watched) - cpu,
        "growth": max(_memory(worker.pid) - middle, 0.0),
    }
    there, ours = _contacts_there(here), Contact.objects.current().count()
    if there < ours:
        raise RuntimeError(f"{there} of {ours} contacts are in the CRM")
    return load


def _due() -> bool:
    from scrm.sync.models import Push

    return Push.objects.filter(state="due", connection__slug=CRM).exists()


def _settled(*, written: bool = True) -> None:
    """Nothing is waiting that could lead to a write, and, if `written`, nothing for the CRM."""
    from scrm.contacts.models import EventDelivery
    from scrm.intake.models import InboundEvent

    deadline = time.monotonic() + PATIENCE
    bodies_, events = InboundEvent.objects.exclude(state="done"), EventDelivery.objects.filter(parked=False)
    while bodies_.exists() or events.exists() or (written and _due()):
        if time.monotonic() > deadline:
            raise RuntimeError("work for the CRM is still open")
        time.sleep(0.2)


def _sandbox(here: Place, sql: str) -> int:
    with sqlite3.connect(f"file:{here.folder}/sandbox.sqlite3?mode=ro", uri=True, timeout=30) as log:
        return int(log.execute(sql).fetchone()[0])


def _calls(here: Place) -> int:
    """All calls so far; the stand-in keeps the rows of ten minutes, so their highest number is what counts."""
    return _sandbox(here, "SELECT COALESCE(MAX(id), 0) FROM sandbox_crm_call")


def _contacts_there(here: Place) -> int:
    return _sandbox(here, "SELECT COUNT(*) FROM sandbox_crm_record WHERE object_type = 'contacts' AND NOT archived")


def _memory(pid: int) -> float:
    """Megabytes that the worker and all that it started hold by themselves."""
    total, family = 0, {pid}
    for entry in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(entry.name) == pid or int(fields[1]) in family:
                family.add(int(entry.name))
                found = [line for line in (entry / "smaps_rollup").read_text().splitlines() if line.startswith(("Private_", "Pss:"))]
                total += sum(int(line.split()[1]) for line in found if line.startswith("Private_"))
    return total / 1024


def _tick(stop: threading.Event) -> None:
    from django.db import connection

    from scrm.core import jobs

    while not stop.wait(5.0):
        jobs.ask_for_tick()
    connection.close()
