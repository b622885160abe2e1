"""kill -9 at random under load, then count.

    python -m tests.faults.chaos --database sqlite --messages 8000 --kills 80 --seed 1
    python -m tests.faults.chaos --database postgresql --messages 5000 --kills 50 --database-kills 4 --seed 1

Customers write (5 % of the bodies come twice), rules answer, a partner answers through the API, while web processes, the worker
cluster's parent, sentinel, pusher, monitor and workers, and on PostgreSQL the server itself, are killed. The sandbox and this driver
live on. Exit code 1 when a promise was broken. The run must turn red with SABOTAGE=no_unique_item (stored twice), and with
SABOTAGE=resend_unknown when a kill meets a worker between the platform's answer and its own note of it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.databases import PostgreSQL
from tests.faults.customers import people
from tests.faults.driver import Driver
from tests.faults.system import System, command_line, leave
from tests.faults.verdict import Verdict, judge, wait_for_quiet

TARGETS = {"web master": 12, "web worker": 22, "worker parent": 8, "sentinel": 8, "pusher, monitor, workers": 50}


@dataclass
class Killer:
    """Kills when the driver has got so far, at moments that only the seed knows."""

    system: System
    driver: Driver
    server: PostgreSQL | None
    messages: int
    kills: int
    database_kills: int
    draw: random.Random
    done: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        plan = ["program"] * (self.kills - self.database_kills) + ["database"] * self.database_kills
        self.draw.shuffle(plan)
        for index, what in enumerate(plan, start=1):
            at = self.messages * index / (len(plan) + 1)
            while self.driver.acknowledged < at and not self.over.is_set() and self.system.running:
                time.sleep(0.02)
            time.sleep(self.draw.random() * 0.4)
            if what == "database" and self.server is not None:
                self._kill_database(self.server)
            else:
                self._kill_program()

    def _kill_database(self, server: PostgreSQL) -> None:
        server.kill()
        self.done["database"] += 1
        time.sleep(self.draw.uniform(0.2, 2.0))
        server.start()

    def _kill_program(self) -> None:
        for _ in range(50 if self.system.running else 0):
            target = self.draw.choices(list(TARGETS), weights=list(TARGETS.values()))[0]
            pids = self._pids(target)
            if pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.draw.choice(pids), signal.SIGKILL)
                    self.done[target] += 1
                return
            time.sleep(0.1)

    def _pids(self, target: str) -> list[int]:
        if target.startswith("web"):
            group = [pid for pid in self.system.group("web") if "resource_tracker" not in " ".join(command_line(pid))]
            return group[:1] if target == "web master" else group[1:]
        roles = self.system.worker_roles()
        return roles.get({"worker parent": "parent", "sentinel": "sentinel"}.get(target, "rest"), [])

    @property
    def worker_kills(self) -> int:
        return sum(count for target, count in self.done.items() if not target.startswith("web"))


def under_fire(
    system: System, server: PostgreSQL | None, *, messages: int, kills: int, seed: int, database_kills: int = 0, patience: float = 300.0
) -> Verdict:
    """One run on a system that answers; what came of it."""
    driver = Driver(system, people(max(30, messages // 20), seed=seed), seed)
    conversations = driver.introduce()
    for slug in system.info["connections"]:
        system.control(f"faults/{slug}", {"duplicate_percent": 5, "shuffle": True, "batch_size": 5})
    killer = Killer(system, driver, server, messages, kills, database_kills, random.Random(f"{seed}:kills"))
    thread = threading.Thread(target=killer.run, daemon=True)
    began = time.monotonic()
    thread.start()
    driver.speak(messages, conversations=conversations)
    spoken = time.monotonic() - began
    killer.over.set()
    thread.join()
    quiet, left = wait_for_quiet(system, patience)
    verdict = judge(driver, worker_kills=killer.worker_kills, left=left)
    head = {
        "seed": seed,
        "messages": messages,
        "kills": f"{sum(killer.done.values())} {dict(killer.done)}",
        "under fire": f"{spoken:.0f} s",
    }
    verdict.figures = head | {"quiet after": f"{quiet:.0f} s", "slowest acknowledgement": f"{driver.slowest:.2f} s"} | verdict.figures
    return verdict


def run(
    database: str, *, messages: int, kills: int, seed: int, database_kills: int = 0, patience: float = 600.0, **environment: str
) -> Verdict:
    """Start everything, fire, judge, stop everything."""
    server = PostgreSQL(durable=True) if database == "postgresql" else None
    system = System(server.url if server else "", environment=environment)
    try:
        system.start()
        verdict = under_fire(system, server, messages=messages, kills=kills, seed=seed, database_kills=database_kills, patience=patience)
        if verdict.broken and (keep := os.environ.get("KEEP_LOG")):
            with open(keep, "w") as file:
                file.write(system.tail(2_000_000))
        return verdict
    finally:
        system.stop()
        if server:
            server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--messages", type=int, default=8000)
    parser.add_argument("--kills", type=int, default=80)
    parser.add_argument("--database-kills", type=int, default=None, help="how many of the kills meet the database (PostgreSQL; default 4)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    database_kills = (4 if given.database_kills is None else given.database_kills) if given.database == "postgresql" else 0
    passed_on = {name: os.environ[name] for name in ("SABOTAGE", "LEASES") if name in os.environ}
    verdict = run(given.database, messages=given.messages, kills=given.kills, seed=given.seed, database_kills=database_kills, **passed_on)
    sys.stdout.write(f"chaos on {given.database}\n{verdict.table()}\n")
    return 1 if verdict.broken else 0


if __name__ == "__main__":
    leave(main)
