"""Restarts, halves and doubles of the running system.

    python -m tests.faults.deploys --database sqlite --times 10
    python -m tests.faults.deploys --database postgresql --only deploys,pair

deploys   the supervisor is told to end (SIGTERM) and started again under load, ten times: it ends within 30 s, nothing is lost or
          sent twice, and no message waits for more than a minute
halves    only the cluster's parent, then only its sentinel is killed: no orphan lives after 10 s, and there is one cluster again
bodies    web processes are killed while a hundred bodies are half way in: nothing of a half body is stored
pair      two supervisors on one database, one of which is killed with all its processes under load
fast, slow-clock   the workers' clock is an hour off

Exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from tests.databases import PostgreSQL
from tests.faults import outages
from tests.faults.customers import Customer, Post, Said, body_of, people, signature
from tests.faults.driver import Driver
from tests.faults.system import System, alive, command_line, descendants, free_ports, leave
from tests.faults.verdict import Verdict, judge, wait_for_quiet

MOST_SECONDS_TO_END = 30.0
MOST_SECONDS_LATE = 60.0
ORPHANS_LIVE = 10.0


class Load:
    """Customers and a partner at work in the background, for as long as the block lasts and until all of theirs is posted."""

    def __init__(self, system: System, *, messages: int, seed: int) -> None:
        self.driver = Driver(system, people(max(20, messages // 15), seed=seed), seed)
        self.conversations = self.driver.introduce()
        self.messages = messages
        self.thread = threading.Thread(
            target=self.driver.speak, args=(messages,), kwargs={"conversations": self.conversations}, daemon=True
        )

    def __enter__(self) -> Load:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.thread.join()

    def wait_for(self, share: float, seconds: float = 120.0) -> None:
        ends = time.monotonic() + seconds
        while self.driver.acknowledged < self.messages * share and self.thread.is_alive() and time.monotonic() < ends:
            time.sleep(0.02)


def finish(system: System, load: Load, verdict: Verdict, *, kills: int, patience: float = 120.0) -> None:
    """Wait for quiet, judge as after any chaos, and add that to what is known already."""
    quiet, left = wait_for_quiet(system, patience)
    judged = judge(load.driver, worker_kills=kills, left=left)
    verdict.figures |= {"quiet after": f"{quiet:.0f} s"} | judged.figures
    verdict.broken += judged.broken


@contextlib.contextmanager
def somebody_writes(driver: Driver) -> Iterator[None]:
    """One customer more writes five times a second for as long as the block lasts, to a system that is just ending too."""
    customer, over = Customer("sandbox-tw", "林怡君", "886912345678"), threading.Event()

    def write() -> None:
        while not over.wait(0.2):
            post = Post(customer.slug, [Said(f"wamid.meanwhile.{time.time_ns()}", customer, "在嗎", int(time.time()))])
            driver.posts.append(post)
            driver.deliver(post)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def deploys(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    with Load(system, messages=60 * given.times, seed=given.seed) as load, somebody_writes(load.driver):
        took = []
        for index in range(given.times):
            load.wait_for((index + 0.5) / given.times)
            seconds, code = redeploy(system)
            took.append(seconds)
            verdict.demand(f"exit code of stop {index + 1}", abs(code))
    verdict.figures["seconds to end"] = f"{max(took):.1f} at most of {len(took)}"
    verdict.demand("stops that took longer than 30 s", sum(seconds > MOST_SECONDS_TO_END for seconds in took))
    verdict.demand("programs ended by force", system.log.read_text(errors="replace").count("ending it by force"))
    finish(system, load, verdict, kills=0)
    late = delays(system, load.driver)
    verdict.figures["longest wait for a thread"] = f"{max(late):.1f} s"
    verdict.demand("messages that waited longer than 60 s", sum(seconds > MOST_SECONDS_LATE for seconds in late))


def redeploy(system: System) -> tuple[float, int]:
    """End with SIGTERM and start again; the seconds that the end took, and its exit code."""
    system.coming_back = True
    try:
        began = time.monotonic()
        code = system.interrupt(signal.SIGTERM, seconds=90)
        seconds = time.monotonic() - began
        system.start()
    finally:
        system.coming_back = False
    return seconds, code


def delays(system: System, driver: Driver) -> list[float]:
    """For each message of the customers, the seconds from its writing to its thread."""
    stored = dict(system.rows("SELECT external_id, created_at FROM conversations_message WHERE direction = 'in'"))
    return [moment(stored[said.wamid]) - said.at for post in driver.posts for said in post.said if said.wamid in stored]


def moment(value: object) -> float:
    """A column's time in seconds; SQLite gives text in UTC."""
    if isinstance(value, datetime):
        return value.timestamp()
    return datetime.fromisoformat(f"{value}+00:00").timestamp()


def halves(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    with Load(system, messages=200, seed=given.seed) as load:
        for role in ("parent", "sentinel"):
            load.wait_for(0.3 if role == "parent" else 0.7)
            system.wait_until(lambda: len(system.worker_roles().get("rest", [])) >= 4, 60, "the cluster is complete")
            whole = system.group("worker")
            pid = system.worker_roles()[role][0]
            os.kill(pid, signal.SIGKILL)
            time.sleep(ORPHANS_LIVE)
            verdict.demand(f"orphans 10 s after the {role} was killed", len([each for each in alive(whole) if each not in current(system)]))
            verdict.demand(f"clusters beside the first after the {role} was killed", max(0, heads(system) - 1))
    finish(system, load, verdict, kills=2)


def current(system: System) -> list[int]:
    assert system.process is not None
    return [system.process.pid, *descendants(system.process.pid)]


def heads(system: System) -> int:
    """How many processes run `manage.py work` as the first of their cluster."""
    works = [pid for pid in system.members() if command_line(pid)[1:3] == ["manage.py", "work"] or command_line(pid)[2:3] == ["work"]]
    return sum(1 for pid in works if not any(pid in descendants(other) for other in works if other != pid))


def bodies(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    customer = Customer("sandbox-hk", "陳大文", "85261239876")
    connection = system.info["connections"][customer.slug]
    posts = [Post(customer.slug, [Said(f"wamid.half.{n}", customer, f"半 {n}", int(time.time()))]) for n in range(100)]
    draw = random.Random(given.seed)
    held = []
    for post in posts:
        raw = body_of(post, connection)
        head = f"POST /webhooks/whatsapp/{post.slug}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(raw)}\r\n"
        head += f"X-Hub-Signature-256: {signature(connection['app_secret'], raw)}\r\n\r\n"
        line = socket.create_connection(("127.0.0.1", system.port))
        line.sendall(head.encode() + raw[: draw.randrange(1, len(raw))])
        held.append(line)
    time.sleep(0.5)
    for pid in system.group("web")[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for line in held:
        line.close()
    system.wait_until(system.answers, 30, "the web server answers again")
    outages.write_and_wait(system, "wamid.after.half", 60)
    halved = "SELECT count(*) FROM conversations_message WHERE external_id LIKE 'wamid.half.%'"
    verdict.demand("messages of half bodies", system.number(halved.replace("%", "%%") if system.database_url else halved))
    driver = Driver(system, [customer], given.seed)
    for post in posts:
        driver.deliver(post)
    system.wait_until(
        lambda: system.number(halved.replace("%", "%%") if system.database_url else halved) == len(posts), 60, "all are there when repeated"
    )


def pair(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    """The second is another host to all but the kernel: same database and secrets, a port and a cluster name of its own."""
    other = System.__new__(System)
    other.__dict__ |= vars(system)
    other.port, _ = free_ports()
    url = system.database_url or f"sqlite:///{'/' + str(system.folder / 'db.sqlite3')}"
    other.environment = system.environment | {"PORT": str(other.port), "DATABASE_URL": url, "PUBLIC_URL": f"http://127.0.0.1:{system.port}"}
    other.start("--only", "worker", "--no-migrate", wait=False)
    assert other.process is not None
    try:
        with Load(system, messages=400, seed=given.seed) as load:
            load.wait_for(0.4)
            verdict.figures["clusters at work"] = heads(system)
            verdict.demand("clusters missing", max(0, 2 - heads(system)))
            gone = [other.process.pid, *descendants(other.process.pid)]
            other.process.kill()
            other.process.wait(10)
            time.sleep(ORPHANS_LIVE)
            verdict.demand("processes left of the supervisor that was killed", len(alive(gone)))
        finish(system, load, verdict, kills=len(gone))
    finally:
        if other.process.poll() is None:
            other.process.kill()


def skewed(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    with Load(system, messages=200, seed=given.seed) as load:
        pass
    finish(system, load, verdict, kills=0)


RUNS: dict[str, tuple[Callable[[System, Verdict, argparse.Namespace], None], dict[str, str]]] = {
    "deploys": (deploys, {}),
    "halves": (halves, {"LEASES": "short"}),
    "bodies": (bodies, {}),
    "pair": (pair, {"LEASES": "short"}),
    "fast": (skewed, {"WORKER_CLOCK": "3600"}),
    "slow-clock": (skewed, {"WORKER_CLOCK": "-3600"}),
}


def run(
    runs: dict[str, tuple[Callable[[System, Verdict, argparse.Namespace], None], dict[str, str]]],
    name: str,
    database: str,
    given: argparse.Namespace,
) -> Verdict:
    """One of the runs on a system of its own."""
    do, environment = runs[name]
    verdict = Verdict({"run": f"{name} on {database}, seed {given.seed}"})
    server = PostgreSQL(durable=True) if database == "postgresql" else None
    passed_on = {key: os.environ[key] for key in ("SABOTAGE", "LEASES") if key in os.environ}
    system = System(server.url if server else "", environment=environment | passed_on)
    system.server = server
    try:
        system.start()
        do(system, verdict, given)
        return verdict
    finally:
        if keep := os.environ.get("KEEP_LOG"):
            with open(keep, "a") as file:
                file.write(system.tail(2_000_000))
        system.stop()
        if server:
            server.stop()


def main_of(
    runs: dict[str, tuple[Callable[[System, Verdict, argparse.Namespace], None], dict[str, str]]],
    description: str | None,
    more: Callable[[argparse.ArgumentParser], object] = lambda parser: None,
) -> int:
    """The command line that the modules with several runs share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--only", default=",".join(runs), help="which runs, with commas between")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    more(parser)
    given = parser.parse_args()
    broken = False
    for name in given.only.split(","):
        verdict = run(runs, name, given.database, given)
        sys.stdout.write(f"{verdict.table()}\n\n")
        sys.stdout.flush()
        broken |= bool(verdict.broken)
    return 1 if broken else 0


if __name__ == "__main__":
    leave(lambda: main_of(RUNS, __doc__, lambda parser: parser.add_argument("--times", type=int, default=10, help="deploys")))
