"""Fifty agents at once in the inbox while customers write: opening conversations, live updates, what an idle page costs.

A real server and real workers on PostgreSQL, over a modest archive. Each agent is a thread that asks what the page's JavaScript asks: the
live poll every two seconds with the ETag, a conversation with the profile beside it, the mark that it was read. Times are the
client's, from the first byte sent to the last one received, so that waiting for a free thread of the server counts. A message is seen
when an agent's poll brings its words into the list; of each message that is asked of all agents. At the end Chromium, where it is
installed, goes from one conversation to the next by itself.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks import archive, bodies
from benchmarks.measure import Result, Row, percentile
from benchmarks.place import Place, cpu_seconds, has_postgresql, place

TITLE = "Agents at their desks"
AGENTS = 50
EVERY, SOON = 2.0, 1.5
# 50 agents with 200 chats a day of 8 messages each, in eight hours.
MESSAGES_A_SECOND = 2.5
# Far more often than people do: a chat takes an agent two minutes.
OPENS_EVERY = 20.0
MIDDLE = archive.Size(100_000, 50_000, 500_000)
OPEN_MS, SEEN_MS, IDLE_MS, SWITCH_MS = 150, 2000, 5, 300
TOKEN = "b" * 32
MARK = re.compile(rb"bench\d{5}")
SWITCH = """async () => {
  const rows = [...document.querySelectorAll("#ix-rows a.ix-row")];
  const next = rows[(rows.findIndex((row) => row.classList.contains("on")) + 1) % rows.length];
  const started = performance.now();
  next.click();
  return await new Promise((done) => {
    const look = () => {
      const shown = document.querySelector("#ix-pane .ix-thread[data-id]")?.dataset.id === next.dataset.id;
      if (shown) requestAnimationFrame(() => done(performance.now() - started));
      else if (performance.now() - started > 10000) done(10000);
      else requestAnimationFrame(look);
    };
    look();
  });
}"""


@dataclass
class Seen:
    """What one agent met. Times in ms; `marks`: when each message's words first came into the list."""

    errors: list[str] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    unchanged: list[float] = field(default_factory=list)
    marks: dict[bytes, float] = field(default_factory=dict)


class Agent(threading.Thread):
    """One page, until told to stop. `opens`: whether it goes on to other conversations."""

    def __init__(self, port: int, session: str, place_: int, opens: threading.Event, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {"Cookie": f"sessionid={session}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN, "X-Requested-With": "fetch"}
        self.place, self.opens, self.stop = place_, opens, stop
        self.seen = Seen()
        self.rows: list[str] = []
        self.etag, self.open, self.version, self.mode = "", "", "", "text"

    def run(self) -> None:
        try:
            self.rows = re.findall(r'data-id="(\d+)"', self._ask("GET", "/admin/inbox/", [], **{"X-Requested-With": ""})[1].decode())
            self._work()
        except Exception as error:
            self.seen.errors.append(repr(error))

    def _work(self) -> None:
        chance = random.Random(self.place)
        begun = time.perf_counter() + chance.random() * EVERY
        next_open = begun + chance.random() * OPENS_EVERY
        self._open_one()
        wait = max(0.0, begun - time.perf_counter())
        while not self.stop.wait(wait):
            wait = SOON if self._poll() else EVERY
            if self.opens.is_set() and time.perf_counter() > next_open:
                next_open += OPENS_EVERY
                self._open_one()

    def _open_one(self) -> None:
        """Those of fifty agents are fifty different ones."""
        at = self.rows.index(self.open) + 1 if self.open in self.rows else self.place
        self.open = self.rows[at % len(self.rows)]
        page = self._ask("GET", f"/admin/inbox/{self.open}/", self.seen.opened)[1].decode()
        told = {name: re.search(rf'data-{name}="([^"]*)"', page) for name in ("version", "mode", "unread")}
        self.version, self.mode = (told[name][1] if told[name] else "" for name in ("version", "mode"))  # type: ignore[index]
        self._ask("GET", f"/admin/inbox/{self.open}/beside/", self.seen.beside)
        if told["unread"] and told["unread"][1] != "0":
            self._ask("POST", f"/admin/inbox/{self.open}/read/", [])
        self.etag = ""

    def _poll(self) -> bool:
        """Whether it brought news."""
        times: list[float] = []
        query = f"pages=1&c={self.open}&v={self.version}&mode={self.mode}&active=1"
        status, body = self._ask("GET", f"/admin/inbox/live/?{query}", times, **({"If-None-Match": self.etag} if self.etag else {}))
        (self.seen.unchanged if status == 304 else self.seen.changed).extend(times)
        if status != 200:
            return False
        now = time.perf_counter()
        for mark in MARK.findall(body):
            self.seen.marks.setdefault(mark, now)
        told = json.loads(body).get("conversation") or {}
        self.version, self.mode = str(told.get("version", self.version)), told.get("mode", self.mode)
        return True

    def _ask(self, method: str, path: str, times: list[float], **headers: str) -> tuple[int, bytes]:
        started = time.perf_counter()
        self.line.request(method, path, headers={**self.headers, **headers})
        answer = self.line.getresponse()
        body = answer.read()
        times.append(1000 * (time.perf_counter() - started))
        if answer.status not in (200, 304):
            self.seen.errors.append(f"{method} {path}: {answer.status}")
        if path.startswith("/admin/inbox/live/") and answer.status == 200:
            self.etag = answer.headers.get("ETag", "")
        return answer.status, body


def run(*, quick: bool = False, vendor: str = "postgresql") -> Result:
    if not has_postgresql():
        return Result("agents", TITLE, notes=["PostgreSQL's binaries are not installed here: not measured."])
    size, busy, idle = (archive.SMALL, 12.0, 8.0) if quick else (MIDDLE, 60.0, 30.0)
    with place(vendor, SCRM_SANDBOX="0", JOBS_ENABLED="1", WEB_WORKERS="2", WEB_THREADS="4") as here:
        return _measure(here, size, busy, idle)


def _measure(here: Place, size: archive.Size, busy: float, idle: float) -> Result:
    from benchmarks import shop

    here.open()
    from scrm.conversations import routing

    # Answers leave for good: what is tried again minutes later would be news while nothing is to happen.
    shop.connect_numbers(f"http://127.0.0.1:{here.granian('benchmarks.stub:application', workers=1, threads=4)}")
    shop.switch_rules_on()
    archive.fill(size, lambda line: print(f"  {line}", flush=True))
    # What is long overdue in the archive is told at once, not page by page while nothing is to happen.
    while routing.plan() or routing.note_breaches():
        pass
    sessions = _people()
    port = here.granian("scrm.wsgi:application", workers=2)
    watched = [here.processes[-1], *([here.server.process] if here.server and here.server.process else [])]
    here.start("manage.py", "work")
    opens, stop, end = threading.Event(), threading.Event(), threading.Event()
    ticker = threading.Thread(target=_tick, args=(end,), daemon=True)
    ticker.start()
    try:
        _write(port, 20, 10.0, 90_000)  # Everything is loaded once before anybody looks at a clock.
        time.sleep(3)
        opens.set()
        agents = [Agent(port, session, number, opens, stop) for number, session in enumerate(sessions)]
        for agent in agents:
            agent.start()
            time.sleep(0.2)  # A shop's morning, not a stampede.
        time.sleep(3)
        first = [_forget(agent) for agent in agents]
        spent = cpu_seconds(watched)
        due = _write(port, int(busy * MESSAGES_A_SECOND), MESSAGES_A_SECOND, 0)
        opens.clear()
        time.sleep(12)  # The last messages reach every page, and who left a conversation is seen as gone from it after eight seconds.
        worked, spent = [_forget(agent) for agent in agents], cpu_seconds(watched) - spent
        bare, cpu = _healthz(port, idle, watched)
        rested = [_forget(agent) for agent in agents]
        stop.set()
        for agent in agents:
            agent.join()
    finally:
        stop.set()
        end.set()
        ticker.join()
    switched = _switches(port, sessions[0], 10 if busy < 30 else 40)
    return _result(size, (first, worked, rested), due, bare, (spent, cpu), idle, switched)


def _people() -> list[str]:
    """The sessions of fifty agents of one team that is there for all numbers."""
    from django.contrib.auth.models import Group
    from django.test import Client

    from scrm.staff import roles
    from scrm.staff.models import Team, User

    roles.install()
    team, group = Team.objects.create(name="Shop"), Group.objects.get(name=roles.AGENTS)
    sessions = []
    for number in range(AGENTS):
        agent = User.objects.create(username=f"agent{number}", display_name=f"陳大文 {number}", is_staff=True)
        agent.teams.add(team)
        agent.groups.add(group)
        client = Client()
        client.force_login(agent)
        sessions.append(client.cookies["sessionid"].value)
    return sessions


def _tick(stop: threading.Event) -> None:
    from benchmarks import pipeline

    pipeline._tick(stop)


def _write(port: int, count: int, rate: float, first: int) -> dict[bytes, float]:
    """Customers write, each in turn; when each message was sent to the server."""
    people, line, due = bodies.customers(400), http.client.HTTPConnection("127.0.0.1", port, timeout=30), {}
    started = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, started + number / rate - time.perf_counter()))
        mark = f"bench{first + number:05d}"
        who = people[(first + number) % len(people)]
        raw = bodies.body([bodies.Text(who, f"wamid.{mark.upper()}", mark, False)])
        due[mark.encode()] = time.perf_counter()
        line.request("POST", f"/webhooks/whatsapp/{who.number.slug}/", raw, {"X-Hub-Signature-256": bodies.signature(raw)})
        answer = line.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"a webhook was answered with {answer.status}")
    return due


def _forget(agent: Agent) -> Seen:
    seen, agent.seen = agent.seen, Seen(marks=dict(agent.seen.marks))
    return seen


def _healthz(port: int, seconds: float, watched: list[Any]) -> tuple[list[float], float]:
    """While the agents' pages rest: ms of an answer without the database, and the CPU seconds of server and database meanwhile."""
    line, times, cpu = http.client.HTTPConnection("127.0.0.1", port, timeout=30), [], cpu_seconds(watched)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        line.request("GET", "/healthz")
        line.getresponse().read()
        times.append(1000 * (time.perf_counter() - started))
        time.sleep(0.1)
    return times, cpu_seconds(watched) - cpu


def _switches(port: int, session: str, count: int) -> list[float]:
    """In a browser, from the click to the painted conversation, in ms; none without Chromium and Playwright."""
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    if chromium is None:
        return []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": "sessionid", "value": session, "url": f"http://127.0.0.1:{port}"}])
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/admin/inbox/")
        page.wait_for_selector("#ix-rows a.ix-row")
        times = [(page.evaluate(SWITCH), page.wait_for_timeout(150))[0] for _ in range(count + 2)]
        browser.close()
    return times[2:]


def _result(
    size: archive.Size,
    phases: tuple[list[Seen], ...],
    due: dict[bytes, float],
    bare: list[float],
    cpu: tuple[float, float],
    idle: float,
    switched: list[float],
) -> Result:
    _first, worked, rested = phases
    errors = [error for phase in phases for seen in phase for error in seen.errors]

    def all_of(phase: list[Seen], pick: Callable[[Seen], list[float]]) -> list[float]:
        return [value for seen in phase for value in pick(seen)]

    waits = [1000 * (seen.marks.get(mark, at + 99) - at) for seen in worked for mark, at in due.items()]
    opened, beside = all_of(worked, lambda seen: seen.opened), all_of(worked, lambda seen: seen.beside)
    unchanged, changed = all_of(rested, lambda seen: seen.unchanged), all_of(rested, lambda seen: seen.changed)
    polls = len(unchanged) + len(changed)
    asked = sum(len(seen.opened) + len(seen.beside) + len(seen.changed) + len(seen.unchanged) for seen in worked)
    busy_polls = all_of(worked, lambda seen: seen.changed)
    rows = [
        Row("errors", [float(len(errors))], "", most=0),
        Row("opening a conversation: p50", [percentile(opened, 0.5)], "ms"),
        Row("opening a conversation: p95", [percentile(opened, 0.95)], "ms", most=OPEN_MS),
        Row("the profile beside it: p95", [percentile(beside, 0.95)], "ms", most=OPEN_MS),
        Row("live poll that brings news: p95", [percentile(busy_polls, 0.95)], "ms"),
        Row("receipt to the poll that shows it: p50", [percentile(waits, 0.5)], "ms"),
        Row("receipt to the poll that shows it: p95", [percentile(waits, 0.95)], "ms", most=SEEN_MS),
        Row("an idle page's requests in 2 s", [polls / AGENTS / idle * 2], "", most=1.05),
        Row("of them answered 304", [100 * len(unchanged) / polls if polls else 0.0], "%", least=95),
        Row("304: p50", [percentile(unchanged, 0.5)], "ms"),
        Row("304: p95", [percentile(unchanged, 0.95)], "ms", most=IDLE_MS),
        Row("304 beside /healthz, p50 of both", [percentile(unchanged, 0.5) / percentile(bare, 0.5)], "times"),
        Row("CPU of server and database a request while all work", [1000 * cpu[0] / asked if asked else 0.0], "ms"),
        Row("CPU of server and database an idle poll", [1000 * cpu[1] / polls if polls else 0.0], "ms"),
        Row("in Chromium, to the next conversation: p50", [percentile(switched, 0.5)], "ms"),
        Row("in Chromium, to the next conversation: p95", [percentile(switched, 0.95)], "ms", most=SWITCH_MS),
    ]
    notes = [
        f"{AGENTS} agents over {size.contacts:,} contacts and {size.messages:,} messages; {len(due)} new ones at {MESSAGES_A_SECOND}/s, "
        f"{len(opened)} conversations opened, {len(busy_polls)} polls with news, {polls} while nothing happened.",
        f"Polls come {EVERY} s after an answer, {SOON} s after one with news: so much of the time to see a message is waiting.",
        *(f"error: {error}" for error in errors[:5]),
        *([] if switched else ["Chromium or Playwright is not installed here: switching was not measured in a browser."]),
    ]
    return Result("agents", f"{TITLE}, postgresql", rows, notes)
