"""Single faults on a running system, each measured.

    python -m tests.faults.outages --database sqlite
    python -m tests.faults.outages --database postgresql

Every part of the idle worker cluster is killed in turn and a message timed; 2,000 mutated bodies are posted over HTTP; on PostgreSQL
the server is stopped for 60 s under 20 messages a second; at the end the supervisor is killed, then interrupted, and what is left is
counted.
The product's own leases and patience hold: nothing is shortened here. Exit code 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.databases import PostgreSQL
from tests.faults.customers import Customer, Post, Said, signature
from tests.faults.driver import Driver, post_bytes
from tests.faults.mutations import bases, mutated
from tests.faults.system import System, alive, leave
from tests.faults.verdict import Verdict, wait_for_quiet

MOST_SECONDS_TO_A_MESSAGE = 90
# R09: what comes in while the database is away, and how soon it must be taken in afterwards.
INBOUND_RATE = 20.0
POSTERS = 32
MOST_SECONDS_TO_WORK, MOST_SECONDS_TO_CATCH_UP = 15, 60
MOST_SECONDS_TO_THE_LAST_PROCESS = 10


def write_and_wait(system: System, wamid: str, seconds: float) -> float:
    """Post one message as a platform does, and wait until it stands in its thread; the seconds from the post on."""
    customer = Customer("sandbox-hk", "陳大文", "85261239876")
    post = Post(customer.slug, [Said(wamid, customer, "你好", int(time.time()))])
    began = time.monotonic()
    Driver(system, [customer], 0).deliver(post)
    stored = "SELECT count(*) FROM conversations_message WHERE external_id = ?"
    system.wait_until(lambda: system.number(stored, [wamid]) == 1, seconds, f"{wamid} is in its thread")
    return time.monotonic() - began


def idle(system: System, seconds: float = 3.0) -> None:
    """Let the drains finish lingering, so that every worker waits for work."""
    time.sleep(seconds)


def kill_idle(system: System, role: str, *, number: int = 0) -> int:
    """kill -9 of one idle part of the cluster: parent, sentinel, or `rest` (workers, pusher, monitor)."""
    system.wait_until(lambda: len(system.worker_roles().get("rest", [])) >= 6, 60, "the cluster is complete")
    pid = system.worker_roles()[role][number]
    os.kill(pid, signal.SIGKILL)
    return pid


def every_part(system: System, seconds: float) -> dict[str, float]:
    """Kill each part of the idle cluster in turn and measure how long the next message takes."""
    took = {}
    for role, number in [("parent", 0), ("sentinel", 0), *(("rest", number) for number in range(6))]:
        idle(system)
        kill_idle(system, role, number=number)
        name = f"{role} {number}" if role == "rest" else role
        took[name] = write_and_wait(system, f"wamid.idle.{name}.{time.time_ns()}", seconds)
    return took


@dataclass(frozen=True)
class Away:
    """What the time without the database came to; seconds count from its return."""

    answers: list[int]
    per_second: float
    first_work: float
    everything: float


def without_database(system: System, server: PostgreSQL, seconds: float, *, rate: float = INBOUND_RATE) -> Away:
    """Stop the server for `seconds` while `rate` messages a second are posted, each at its own moment, however long the others take."""
    customers = [Customer("sandbox-tw", "林怡君", f"8869123456{number:02d}") for number in range(40)]
    driver, posts = Driver(system, customers, 0), list[Post]()
    server.halt()
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=POSTERS) as pool:
        while (number := len(posts)) / rate < seconds:
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            customer = customers[number % len(customers)]
            posts.append(Post(customer.slug, [Said(f"wamid.outage.{time.time_ns()}", customer, "在嗎", int(time.time()))]))
            pool.submit(driver.deliver, posts[-1])
        took = time.monotonic() - began
        server.start()
        back = time.monotonic()
    ids = [post.said[0].wamid for post in posts]
    marks = ", ".join("?" * len(ids))
    stored = f"SELECT count(*) FROM conversations_message WHERE external_id IN ({marks})"
    system.wait_until(lambda: system.number(stored, ids) > 0, 90, "something is stored")
    first = time.monotonic() - back
    system.wait_until(lambda: system.number(stored, ids) == len(ids), 120, "everything is stored")
    return Away([answer for post in posts for answer in post.answers], len(posts) / took, first, time.monotonic() - back)


def orphans_after(system: System, end: Callable[[], object], seconds: float) -> tuple[float, list[int]]:
    """End the system somehow; the seconds until no process of it was left, and those that were left at the end."""
    before = system.members()
    end()
    began = time.monotonic()
    while (left := alive(before)) and time.monotonic() - began < seconds:
        time.sleep(0.1)
        with contextlib.suppress(ChildProcessError):
            if system.process is not None:
                system.process.poll()
    return time.monotonic() - began, left


def post_mutated(system: System, count: int, *, seed: int) -> Counter[int]:
    """Post mutated bodies over HTTP from several connections at once; how often each answer came."""
    connection = system.info["connections"]["sandbox-hk"]

    def deliver(body: bytes) -> int:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature(connection["app_secret"], body)}
        return post_bytes(connection["webhook_url"], body, headers, timeout=30)

    bodies = list(mutated(bases(connection["phone_number_id"]), count, seed=seed))
    with ThreadPoolExecutor(max_workers=6) as pool:
        return Counter(pool.map(deliver, bodies))


def _try_all(system: System, server: PostgreSQL | None, verdict: Verdict, *, bodies: int, seed: int, away: float) -> None:
    for part, seconds in every_part(system, MOST_SECONDS_TO_A_MESSAGE).items():
        verdict.figures[f"message after idle {part} killed"] = f"{seconds:.1f} s"
    answers = post_mutated(system, bodies, seed=seed)
    verdict.figures["answers to mutated bodies"] = dict(answers)
    verdict.demand("mutated bodies not answered with 200", bodies - answers[200])
    if server is not None:
        told = without_database(system, server, away)
        refused = sum(answer != 200 for answer in told.answers)
        verdict.figures["posted without the database"] = f"{told.per_second:.1f}/s for {away:.0f} s"
        verdict.demand("posts not answered with 200 without the database", refused, note=f"of {len(told.answers)}")
        verdict.demand("seconds until work goes on after its return", round(told.first_work), most=MOST_SECONDS_TO_WORK)
        verdict.demand("seconds until all is stored after its return", round(told.everything), most=MOST_SECONDS_TO_CATCH_UP)
    _, left = wait_for_quiet(system, 60)
    # Mutated statuses name messages that nobody ever sent: they wait their 72 hours, as they should.
    left.pop("statuses without message", None)
    for place, number in left.items():
        verdict.demand(f"stuck: {place}", number)
    lines = json.loads(system.manage("ledger", "--format", "json", check=False))
    verdict.demand("ledger lines that do not add up", sum(not line["balanced"] for line in lines.values()))
    unexplained = "SELECT count(*) FROM intake_inbounditem WHERE state = 'parked' AND (reason = '' OR reason LIKE '%Error:%')"
    verdict.demand("parked without a reason of their own", system.number(unexplained.replace("%", "%%") if server else unexplained))


def _end(system: System, verdict: Verdict, number: signal.Signals) -> None:
    process = system.process
    assert process is not None
    seconds, left = orphans_after(system, lambda: process.send_signal(number), 40)
    verdict.figures[f"last process after {number.name}"] = f"{seconds:.1f} s"
    verdict.demand(f"processes left after {number.name}", len(left))
    if number == signal.SIGKILL and seconds > MOST_SECONDS_TO_THE_LAST_PROCESS:
        verdict.broken.append(f"the last process ended {seconds:.0f} s after the supervisor was killed")


def run(database: str, *, bodies: int = 2000, seed: int = 1, away: float = 60.0) -> Verdict:
    verdict = Verdict()
    server = PostgreSQL(durable=True) if database == "postgresql" else None
    system = System(server.url if server else "")
    try:
        system.start()
        _try_all(system, server, verdict, bodies=bodies, seed=seed, away=away)
        _end(system, verdict, signal.SIGKILL)
        system.start()
        _end(system, verdict, signal.SIGINT)
        if keep := os.environ.get("KEEP_LOG"):
            Path(keep).write_text(system.tail(2_000_000))
        return verdict
    finally:
        system.stop()
        if server:
            server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--bodies", type=int, default=2000)
    parser.add_argument("--away", type=float, default=60.0, help="seconds without the database (PostgreSQL)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    verdict = run(given.database, bodies=given.bodies, seed=given.seed, away=given.away)
    sys.stdout.write(f"outages on {given.database}\n{verdict.table()}\n")
    return 1 if verdict.broken else 0


if __name__ == "__main__":
    leave(main)
