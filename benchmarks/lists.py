"""Server time of the console's pages and searches over a million contacts and ten million messages on PostgreSQL.

Measured in this process through the whole of Django (middleware, view, template), as somebody who sees all and as two agents; first
the statements are counted, then the time is taken of repeated calls. The archive is built once (some minutes, 14 GB under /tmp) and
removed at the end unless `--keep` is given.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import archive
from benchmarks.measure import Result, Row, percentile
from benchmarks.place import has_postgresql
from tests.databases import PostgreSQL, binaries

TITLE = "Lists and searches"
KEPT = Path("/tmp/scrm-bench-archive.json")
PAGE_MS, SEARCH_MS, QUERIES = 150, 200, 12


def run(*, quick: bool = False, keep: bool = False) -> Result:
    if not has_postgresql():
        return Result("lists", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    size = archive.SMALL if quick else archive.FULL
    server = _open(size)
    folder = Path(tempfile.mkdtemp(prefix="scrm-bench-"))
    try:
        _set_up(server, folder)
        _ensure(size, server)
        return _measure(size, repeats=5 if quick else 20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if keep:
            server.halt()
            KEPT.write_text(json.dumps({"folder": str(server.folder), "messages": size.messages}))
        else:
            server.stop()
            KEPT.unlink(missing_ok=True)


def _open(size: archive.Size) -> PostgreSQL:
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    folder = Path(kept.get("folder", "/nonexistent"))
    if kept.get("messages") != size.messages or not (folder / "data").exists():
        return PostgreSQL()
    server = PostgreSQL.__new__(PostgreSQL)
    server.binaries, server.durable, server.folder, server.process = binaries() or Path(), False, folder, None
    server._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    server.start()
    return server


def _set_up(server: PostgreSQL, folder: Path) -> None:
    os.environ.update(
        {
            "DATABASE_URL": server.url,
            # A kept archive outlives the folder, and with it a key made there.
            "SCRM_ENCRYPTION_KEYS": base64.urlsafe_b64encode(b"for the archive of benchmarks :-)"[:32]).decode(),
            "VAR_DIR": str(folder),
            "SCRM_ENV": "sandbox",
            "SCRM_SANDBOX": "0",
            "JOBS_ENABLED": "0",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "scrm.settings",
        }
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def _ensure(size: archive.Size, server: PostgreSQL) -> None:
    from benchmarks import shop
    from scrm.conversations.models import Message
    from scrm.staff.models import User

    if Message.objects.exists():
        print(f"the archive in {server.folder} is used again", flush=True)
    else:
        User.objects.create_user("mei", password="correct horse", is_staff=True, is_superuser=True)
        shop.connect_numbers("http://127.0.0.1:9")
        shop.switch_rules_on()
        archive.fill(size, lambda line: print(f"  {line}", flush=True))
    _staff(size)


def _staff(size: archive.Size) -> None:
    """Beside Mei, who sees everything: Ren, an agent of a team that is there for all numbers, and Jun, whose team has 200 conversations."""
    from django.contrib.auth.models import Group

    from scrm.connections.models import Connection
    from scrm.conversations.models import Conversation
    from scrm.staff import roles
    from scrm.staff.models import Team, User

    roles.install()
    for name, numbers in (("Ren", []), ("Jun", [Connection.objects.filter(kind="channel").order_by("-id")[0]])):
        agent, new = User.objects.get_or_create(username=name.lower(), defaults={"is_staff": True})
        if not new:
            continue
        team = Team.objects.create(name=f"{name}'s team")
        agent.teams.add(team)
        agent.groups.add(Group.objects.get(name=roles.AGENTS))
        team.numbers.set(numbers)
        if numbers:
            # Their number has no conversation without a team, so that these are all that Jun sees.
            others = Team.objects.create(name="All others")
            own = Conversation.objects.filter(connection=numbers[0])
            own.update(team=others)
            own.filter(
                pk__in=list(own.order_by("id").values_list("pk", flat=True)[: size.conversations // 4 : size.conversations // 800])
            ).update(team=team)


def _pages() -> list[tuple[str, str, str, dict[str, str], int]]:
    """Who asks, title, address, headers, target in ms."""
    from scrm.contacts.models import Identity
    from scrm.conversations.models import Conversation

    newest = Conversation.objects.open().order_by("-last_message_at", "-id")[0].pk
    digits = Identity.objects.order_by("-id")[0].value[-6:]
    inbox, contacts, messages = "/admin/inbox/", "/admin/contacts/contact/", "/admin/conversations/message/"
    pages = [
        ("inbox", inbox, {}, PAGE_MS),
        ("inbox, one conversation open", f"{inbox}{newest}/", {}, PAGE_MS),
        ("inbox, live poll with changes", f"{inbox}live/?c={newest}&v=0", {}, PAGE_MS),
        ("inbox, live poll without (304)", f"{inbox}live/?c={newest}&v=3", {"If-None-Match": ""}, PAGE_MS),
        ("inbox, profile beside", f"{inbox}{newest}/beside/", {}, PAGE_MS),
        ("contact list", contacts, {}, PAGE_MS),
        ("message list", messages, {}, PAGE_MS),
    ]
    words = [
        ("Chinese, two characters", "面膜"),
        ("Chinese, common", "多謝"),
        ("Japanese, two characters", "香水"),
        ("Japanese, common", "ありがとう"),
        ("Latin", "sunscreen"),
        ("Latin, common", "order"),
    ]
    pages += [(f"message search: {title}, {word}", f"{messages}?q={word}", {}, SEARCH_MS) for title, word in words]
    names = [("Chinese", "陳大文"), ("Japanese, two characters", "田中"), ("Latin", "priya"), ("last digits of a phone", digits)]
    pages += [(f"contact search: {title}", f"{contacts}?q={word}", {}, SEARCH_MS) for title, word in names]
    pages += [
        (f"inbox search: {title}", f"{inbox}?q={word}", {}, SEARCH_MS)
        for title, word in (("Japanese, two characters", "香水"), ("Chinese, common", "多謝"))
    ]
    of_agents = [
        ("inbox", inbox, PAGE_MS),
        ("contact list", contacts, PAGE_MS),
        ("message list", messages, PAGE_MS),
        ("message search: Japanese, two characters, 香水", f"{messages}?q=香水", SEARCH_MS),
        ("message search: Chinese, common, 多謝", f"{messages}?q=多謝", SEARCH_MS),
        ("contact search: Chinese", f"{contacts}?q=陳大文", SEARCH_MS),
        ("inbox search: Chinese, common", f"{inbox}?q=多謝", SEARCH_MS),
    ]
    return [("mei", *page) for page in pages] + [
        (who, f"{title}, {reach}", address, {}, target)
        for who, reach in (("ren", "as an agent"), ("jun", "as an agent who sees little"))
        for title, address, target in of_agents
    ]


def _details(asked: list[dict[str, str]], times: list[float], cpu: list[float]) -> str:
    """Statements, times in ms, and the slowest statement when it took more than 40 ms."""
    slowest = max(asked, key=lambda one: float(one["time"]), default={"time": "0", "sql": ""})
    milliseconds = 1000 * float(slowest["time"])
    too_many = "" if len(asked) <= QUERIES else f" (MISSED: more than {QUERIES})"
    text = f"{len(asked)} queries{too_many}, p50 {percentile(times, 0.5):.0f}, p95 {percentile(times, 0.95):.0f}"
    text += f", own CPU p50 {percentile(cpu, 0.5):.0f}, slowest statement {milliseconds:.0f} ms"
    return text + (f": {slowest['sql'][:200]}" if milliseconds > 40 else "")


def _measure(size: archive.Size, repeats: int) -> Result:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from scrm.staff.models import User

    clients = {name: Client() for name in ("mei", "ren", "jun")}
    for name, each in clients.items():
        each.force_login(User.objects.get(username=name))
    rows, notes = (
        [],
        [
            f"{size.contacts:,} contacts, {size.conversations:,} conversations, {size.messages:,} messages; "
            f"{repeats} calls of each after 2 to warm up."
        ],
    )
    for who, title, address, headers, target in _pages():
        client = clients[who]
        if "If-None-Match" in headers:
            headers = {"If-None-Match": client.get(address).headers["ETag"]}
        for _ in range(2):
            answer = client.get(address, headers=headers)
        with CaptureQueriesContext(connection) as capture:
            answer = client.get(address, headers=headers)
        # At once: the next request empties the log.
        asked = list(capture.captured_queries)
        if answer.status_code != (304 if headers else 200):
            raise RuntimeError(f"{address}: {answer.status_code}")
        times, cpu = [], []
        for _ in range(repeats):
            started, spent = time.perf_counter(), time.process_time()
            client.get(address, headers=headers)
            times.append(1000 * (time.perf_counter() - started))
            cpu.append(1000 * (time.process_time() - spent))
        rows.append(Row(f"{title}: p95", [percentile(times, 0.95)], "ms", most=target))
        notes.append(f"{title}: {_details(asked, times, cpu)}")
    return Result("lists", f"{TITLE}, postgresql", rows, notes)
