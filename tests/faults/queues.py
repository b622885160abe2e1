"""What an old version, a mistake or an enemy may leave in the job queue of the running system.

    python -m tests.faults.queues --database sqlite

poison    jobs that kill their worker, end their process, never end, return what no queue can store, were renamed, or cannot be read at
          all, and schedules of the queue's own that are nonsense: the queue lets go of all of it,
          and customers are served meanwhile
late      sixty jobs of one kind while the platform takes its time: nothing has its effect twice, however often it is asked for
down      everything is stopped for a while with work in hand, then started: each message goes out once

Exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.faults import outages
from tests.faults.customers import Customer, Post, Said
from tests.faults.deploys import Load, finish, main_of
from tests.faults.driver import Driver
from tests.faults.system import System, leave
from tests.faults.verdict import Verdict, wait_for_quiet

POISON = {
    "kills its worker": ("os.abort", []),
    "ends its process": ("sys.exit", [3]),
    "raises SystemExit": ("builtins.exit", []),
    "never ends": ("time.sleep", [10**6]),
    "returns what cannot be stored": ("threading.Lock", []),
    "was renamed": ("scrm.core.jobs.run_drain_of_an_earlier_version", ["inbound"]),
    "names no drain": ("scrm.core.jobs.run_drain", ["no such drain"]),
    "has other arguments": ("scrm.core.jobs.run_drain", ["inbound", "urgent", 3]),
}


def poison(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    ids = system.manage("shell", "-v", "0", "-c", f"POISON = {json.dumps(POISON)}\n{INSERT}").split()
    verdict.figures["poisonous jobs"] = len(ids)
    waited = []
    for n in range(given.messages):
        waited.append(outages.write_and_wait(system, f"wamid.poison.{n}", outages.MOST_SECONDS_TO_A_MESSAGE))
        time.sleep(1)
    verdict.figures["a message in its thread"] = f"{max(waited):.1f} s at most of {len(waited)}"
    verdict.demand("messages later than 90 s", sum(each > outages.MOST_SECONDS_TO_A_MESSAGE for each in waited))
    ours = f"SELECT count(*) FROM django_q_ormq WHERE id IN ({', '.join(str(int(each)) for each in ids)})"
    with contextlib.suppress(RuntimeError):
        system.wait_until(lambda: system.number(ours) == 0, given.patience, "the queue has let go of the poison")
    verdict.demand("poison still in the queue", system.number(ours))
    good = "SELECT count(*) FROM core_timetable WHERE name = 'tick' AND started_at > ?"
    moment = datetime.now(UTC) - timedelta(seconds=30)
    recently = moment if system.database_url else moment.replace(tzinfo=None).isoformat(" ")
    verdict.demand("no tick in the last 30 s", int(system.number(good, [recently]) == 0))
    verdict.demand("schedules of the queue that ran", system.number("SELECT count(*) FROM django_q_schedule WHERE task IS NOT NULL"))


INSERT = """
from datetime import timedelta
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.signing import SignedPackage
past = timezone.now() - timedelta(seconds=1)
for name, (path, arguments) in POISON.items():
    task = {"id": name.replace(" ", "")[:32], "name": name, "func": path, "args": tuple(arguments), "kwargs": {}, "started": past}
    OrmQ.objects.create(key="poison", payload=SignedPackage.dumps(task), lock=past)
for payload in ("", "not signed", SignedPackage.dumps({"id": "1"}), SignedPackage.dumps(["a", "list"]), "x" * 100_000):
    OrmQ.objects.create(key="poison", payload=payload, lock=past)
print(*OrmQ.objects.filter(key="poison").values_list("id", flat=True))
OrmQ.objects.filter(key="poison").update(key="scrm")
Schedule.objects.create(name="nonsense", func="no.such.function", args="(((", schedule_type="I", minutes=1, next_run=past)
Schedule.objects.filter(name="nonsense").update(schedule_type="C", cron="61 25 * * *")
Schedule.objects.create(name="dangerous", func="os.abort", schedule_type="I", minutes=1, next_run=past)
"""


def late(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    for slug in system.info["connections"]:
        system.control(f"faults/{slug}", {"stall_percent": 100, "stall_seconds": 2})
    with Load(system, messages=120, seed=given.seed) as load:
        ask = (
            "from scrm.core import jobs\nfor name in ('outbox', 'inbound', 'events') * 20: jobs._enqueue('scrm.core.jobs.run_drain', name)"
        )
        system.manage("shell", "-v", "0", "-c", ask)
        load.wait_for(0.5)
        system.manage("shell", "-v", "0", "-c", ask)
    finish(system, load, verdict, kills=0, patience=300)


def down(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    """What was acknowledged just before the end is all there when it comes back, once; missed times collapse into one."""
    customer = Customer("sandbox-jp", "佐藤 花子", "8170812345678")
    driver = Driver(system, [customer], given.seed)
    names = [f"wamid.down.{n}" for n in range(40)]
    for name in names:
        driver.deliver(Post(customer.slug, [Said(name, customer, "私の荷物はいつ届きますか?", int(time.time()))]))
    system.coming_back = True
    system.interrupt()
    time.sleep(given.away)
    system.start()
    system.coming_back = False
    _, left = wait_for_quiet(system, 120)
    for place, count in left.items():
        verdict.demand(f"stuck: {place}", count)
    stored = system.number("SELECT count(*) FROM conversations_message WHERE external_id LIKE ?", ["wamid.down.%"])
    verdict.demand("lost or twice", abs(stored - len(names)))
    accepted = Counter(row["reference"] for row in system.history("accepted"))
    verdict.demand("sent twice", sum(count - 1 for count in accepted.values()))


RUNS: dict[str, tuple[Callable[[System, Verdict, argparse.Namespace], None], dict[str, str]]] = {
    "poison": (poison, {}),
    "late": (late, {}),
    "down": (down, {}),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=20, help="poison: how many customers are served meanwhile")
    parser.add_argument("--patience", type=float, default=150.0, help="poison: seconds until the queue has let go of all of it")
    parser.add_argument("--away", type=float, default=60.0, help="down: seconds without the system")


if __name__ == "__main__":
    leave(lambda: main_of(RUNS, __doc__, arguments))
