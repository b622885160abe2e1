"""All long fault runs, one after the other: about an hour on two cores. `--quick` takes a tenth of each.

    python -m tests.faults --list
    python -m tests.faults --only chaos,slow --database postgresql
    python -m tests.faults --quick --seed 7

Ends with the runs that must turn red, because a guard was taken away: a sabotage that goes unnoticed fails the whole. Prints a line
for each run as it ends and the table of all at the end; exit code 1 when any is not as it should be.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.databases import binaries, missing_is_a_failure
from tests.faults.system import BROKE_OFF, BROKEN

BOTH = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Run:
    """One command on one database. `red`: a guard is missing, and the run must say so."""

    name: str
    database: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    red: bool = False
    checks: str = ""

    @property
    def told(self) -> str:
        return " ".join([*(f"{name}={value}" for name, value in self.environment.items()), "python -m", *self.command])


def plan(seed: int, share: float) -> Iterator[Run]:
    def some(count: int, least: int = 1) -> str:
        return str(max(least, int(count * share)))

    seeded = ["--seed", str(seed)]
    for database in BOTH:
        chosen = ["--database", database]
        messages, kills = (8000, 80) if database == "sqlite" else (5000, 50)
        firing = ["--messages", some(messages), "--kills", some(kills)]
        yield Run("chaos", database, ["tests.faults.chaos", *chosen, *firing, *seeded], checks="R01: kill -9 at random under load")
        yield Run("senders", database, ["tests.faults.senders", *chosen, "--rounds", some(40)], checks="P01: many senders at one person")
        away = ["--away", some(60, 10)]
        command = ["tests.faults.outages", *chosen, "--bodies", some(2000), *away, *seeded]
        yield Run("outages", database, command, checks="R06, R09, W01: parts killed, the database away, mutated bodies")
        for name, checks, more in DEPLOYS:
            yield Run(name, database, ["tests.faults.deploys", "--only", name, *chosen, *more(some), *seeded], checks=checks)
        for name, checks, more in SIEGES:
            if name != "locked" or database == "sqlite":
                yield Run(name, database, ["tests.faults.sieges", "--only", name, *chosen, *more(some), *seeded], checks=checks)
        for name, checks, more in SHORTAGES:
            yield Run(name, database, ["tests.faults.shortages", "--only", name, *chosen, *more(some), *seeded], checks=checks)
        command = ["tests.faults.restores", *chosen, "--messages", some(2000, 1500), *seeded]
        yield Run("restore", database, command, checks="V06: a backup under load, brought back on a clean host")
        for name, checks in TIERS:
            yield Run(name, database, ["tests.faults.tiers", "--only", name, *chosen, *seeded], checks=checks)
        people = ["--people", some(10_000 if database == "postgresql" else 4_000, 600)]
        yield Run(
            "campaign",
            database,
            ["tests.faults.campaign", *chosen, *people, *seeded],
            checks="P11: paused, resumed, stopped, pressed twice",
        )
        command = ["tests.faults.outcomes", *chosen, "--messages", some(2_000, 300), *seeded]
        yield Run("outcomes", database, command, checks="P07: the platform does not say whether it took a message")
        for name, checks, more in QUEUES:
            yield Run(name, database, ["tests.faults.queues", "--only", name, *chosen, *more(some), *seeded], checks=checks)
        scaled = {"FAULTS_SHARE": str(share), "SEED": str(seed), "MUTATED_BODIES": some(10_000)}
        scaled |= {"SYNC_RECORDS": some(1000, 40), "SYNC_CYCLES": some(20, 8), "SYNC_SEED": str(seed)}
        scaled |= {"RIGHTS_EACH": "1", "HOSTILE_ROUNDS": some(10)}
        for name, file, checks in SUITES + (ONCE if database == "sqlite" else ()):
            command = ["pytest", f"tests/{file}", "-n", "0"]
            yield Run(name, database, command, scaled, checks=checks)
    yield from sabotaged(seeded)


def sabotaged(seeded: list[str]) -> Iterator[Run]:
    short = ["tests.faults.chaos", "--messages", "300", "--kills", "3", *seeded]
    broken = {"SABOTAGE": "no_unique_item", "LEASES": "short"}
    yield Run("chaos without keys", "sqlite", short, broken, red=True, checks="R01 must see what is stored twice")
    command = ["tests.faults.senders", "--database", "postgresql", "--rounds", "3"]
    yield Run(
        "senders without lock", "postgresql", command, {"SABOTAGE": "check_then_insert"}, red=True, checks="P01 must see what is too many"
    )
    command = ["tests.faults.sieges", "--only", "locked", "--away", "8", *seeded]
    yield Run("locked without spool", "sqlite", command, {"SABOTAGE": "forget_spool"}, red=True, checks="R11 must see what is lost")
    command = ["tests.faults.sieges", "--only", "slow", *seeded]
    yield Run("slow without door", "sqlite", command, {"SABOTAGE": "no_door"}, red=True, checks="W11 must see who is held up")
    yield Run("slow with a leak", "sqlite", command, {"SABOTAGE": "keep_bodies"}, red=True, checks="W11 must see what grows")
    command = ["tests.faults.restores", "--messages", "1500", *seeded]
    yield Run("restore of many moments", "sqlite", command, {"SABOTAGE": "torn_backup"}, red=True, checks="V06 must see what does not fit")
    command = ["tests.faults.outcomes", "--messages", "300", *seeded]
    broken = {"SABOTAGE": "retry_everything"}
    yield Run("outcomes sent again", "sqlite", command, broken, red=True, checks="P07 must see what goes twice")
    command = ["tests.faults.campaign", "--people", "600", *seeded]
    checks = "P11 must see what leaves after the button"
    yield Run("campaign without ears", "sqlite", command, {"SABOTAGE": "deaf_to_causes"}, red=True, checks=checks)
    for name, sabotage, checks in (
        ("limit", "no_reach", "the tier's run must see who is over"),
        ("drop", "no_governor", "the drop's run must see what goes on"),
    ):
        command = ["tests.faults.tiers", "--only", name, *seeded]
        yield Run(f"{name} without guard", "sqlite", command, {"SABOTAGE": sabotage}, red=True, checks=checks)


DEPLOYS = (
    ("deploys", "R07: SIGTERM under load, and start again", lambda some: ["--times", some(10, 2)]),
    ("halves", "R06: only the parent, only the sentinel", lambda some: []),
    ("bodies", "web killed while bodies are half way in", lambda some: []),
    ("pair", "two supervisors on one database, one killed", lambda some: []),
    ("fast", "the workers' clock an hour ahead", lambda some: []),
    ("slow-clock", "the workers' clock an hour behind", lambda some: []),
)
SIEGES = (
    ("slow", "W11: slow, endless and too large bodies", lambda some: []),
    ("burst", "W12: 500 events a second", lambda some: ["--seconds", some(30, 5)]),
    ("locked", "R11: SQLite's writer held for 30 s", lambda some: ["--away", some(30, 8)]),
)
SHORTAGES = (
    ("disks", "R12: the disk is full", lambda some: []),
    ("cache", "R15: Redis killed and emptied", lambda some: ["--messages", some(600, 150)]),
    ("memory", "R16: workers at their limit of memory", lambda some: []),
    ("busy", "Q08: synchronisation and chats together", lambda some: ["--people", some(1000, 100)]),
)
TIERS = (
    ("limit", "people spoken to first: nothing over the tier, none under-filled"),
    ("drop", "the speed follows the quality, promotions stop and come back"),
    ("template", "what uses a paused template waits for it"),
)
QUEUES = (
    ("poison", "Q01, Q02, Q06: what should not be in the queue", lambda some: ["--messages", some(20, 4)]),
    ("late", "Q07: jobs that wait longer than their turn", lambda some: []),
    ("down", "Q03: stopped with work in hand", lambda some: ["--away", some(60, 10)]),
)
SUITES = (
    ("machine", "faults/test_machine.py", "R18: a state machine looks for broken promises"),
    ("mutations", "faults/test_mutated_bodies.py", "W01, W10: nonsense, and poison in a large body"),
    ("disorder", "faults/test_disorder.py", "W08, W13: statuses in every order, wrong stamps"),
    ("edges", "faults/test_edges.py", "W03, W04, W11, W15: signatures, sizes, handshakes"),
    ("webhooks", "faults/test_webhook_faults.py", "W03, W05: forgeries, replays, spool"),
    ("crash-points", "faults/test_crash_points.py", "R04, W06: kill -9 at named points, 32 threads at one event"),
    ("neighbours", "faults/test_neighbours.py", "clocks, supervisors, replays by several"),
    ("poisoned", "faults/test_poison.py", "Q01, Q02, Q03, Q06: in the rows of the work"),
    ("sync", "faults/test_sync_faults.py", "C01-C05, C07: storms, clashes, loops and pages that move, at a CRM in memory"),
    ("vendors", "faults/test_vendor_faults.py", "C01, C04: the same at each vendor's stand-in over loopback"),
    ("deaths", "faults/test_sync_deaths.py", "the sync's processes killed at named points and at any moment"),
    ("hooks", "faults/test_hook_storms.py", "C10: receivers of webhooks that do everything wrong, 1,000 events"),
    ("full", "faults/test_full_disk.py", "R12, R13: no room for database, spool and files"),
)
# What no database makes a difference to.
ONCE = (
    ("rights", "rights/test_matrix.py", "every address, method and role: also PUT, PATCH and OPTIONS of each"),
    ("hostile", "console/test_hostile_words.py", "hostile words in every field that people fill, ten times in another order"),
)


def execute(run: Run, made: str) -> tuple[str, float]:
    """What it came to, and the seconds it took. `made`: where the migrated databases lie, which the first that needs them makes."""
    if run.database == "postgresql" and binaries() is None and not missing_is_a_failure():
        return "left out, PostgreSQL is not installed", 0.0
    began = time.monotonic()
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"} | run.environment
    if run.command[0] != "pytest":
        environment |= {"SCRM_TEST_RUN": "1", "VAR_DIR": made}
    prefix = ["tests.databases", "run", "--", sys.executable, "-m"] if run.command[0] == "pytest" and run.database == "postgresql" else []
    code = subprocess.run([sys.executable, "-m", *prefix, *run.command], env=environment).returncode
    return judged(run, code), time.monotonic() - began


def judged(run: Run, code: int) -> str:
    """A run that broke off is no verdict: not even where it must turn red."""
    if run.red:
        good, word = code == BROKEN, "red, as it must be"
    else:
        good, word = code == 0, "kept"
    return word if good else f"NOT as it should be (exit code {code}{', it broke off' if code == BROKE_OFF else ''})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--quick", action="store_true", help="a tenth of each")
    parser.add_argument("--list", action="store_true", help="only name the runs and their commands")
    parser.add_argument("--only", default="", help="names of runs, with commas between")
    parser.add_argument("--database", choices=BOTH, default="", help="only runs on this database")
    given = parser.parse_args()
    wanted = {name for name in given.only.split(",") if name}
    runs = [run for run in plan(given.seed, 0.1 if given.quick else 1.0) if given.database in {"", run.database}]
    if unknown := wanted - {run.name for run in runs}:
        parser.error(f"no such run: {', '.join(sorted(unknown))} (see --list)")
    runs = [run for run in runs if not wanted or run.name in wanted]
    if given.list:
        sys.stdout.write("\n".join(f"{run.name:<21} {run.database:<11} {run.checks}\n{'':<34}{run.told}" for run in runs) + "\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="scrm-faults-made-", dir="/tmp") as made:
        return report(runs, given.seed, made)


def report(runs: list[Run], seed: int, made: str) -> int:
    lines, failed = [], False
    for run in runs:
        sys.stdout.write(f"-- {run.told}\n")
        sys.stdout.flush()
        came_to, seconds = execute(run, made)
        failed |= came_to.startswith("NOT")
        lines.append(f"{run.name:<21} {run.database:<11} {seconds:>5.0f} s  {came_to:<24} {run.checks}")
        sys.stdout.write(f"-- {came_to}, {seconds:.0f} s\n\n")
    sys.stdout.write(
        "\n".join([f"seed {seed}", *lines, "NOT everything is as it should be" if failed else "everything is as it should be"]) + "\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
