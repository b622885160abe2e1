"""A platform that does not say whether it took a message: sends on the real system, counted by the platform.

    python -m tests.faults.outcomes --database sqlite
    SABOTAGE=retry_everything python -m tests.faults.outcomes --messages 300      # must show what went twice

outcomes  two thousand answers while the platform takes a message and drops half of its reply, answers 500 after taking it or before, stalls
          beyond the time limit: nothing goes twice; whatever it took is settled by its status; what it never took
          stays listed as unknown for a person, and is not sent by itself

Exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable

from tests.faults.deploys import main_of
from tests.faults.system import System, leave
from tests.faults.tiers import name_of, phone_of, shell, wait_for
from tests.faults.verdict import Verdict

NUMBER = "sandbox-hk"
EACH = 5
# Per cent of the sends; beyond the connector's limit of 10 s.
FAULTS = {
    "drop_reply_percent": 10,
    "server_error_after_percent": 8,
    "server_error_before_percent": 6,
    "stall_percent": 3,
    "stall_seconds": 12,
    # Statuses come later than a hasty sender would wait.
    "delay_ms": 25_000,
}
SETTLED_WITHIN = 1_800.0
STATES = "SELECT state, count(*) FROM conversations_message WHERE direction = 'out' GROUP BY state"
OPEN = "SELECT count(*) FROM conversations_message WHERE direction = 'out' AND state IN ('queued', 'claimed', 'sending')"


def references(system: System) -> Counter[str]:
    return Counter(row["reference"] for row in system.history("accepted"))


def unknown(system: System) -> set[int]:
    return {int(row[0]) for row in system.rows("SELECT id FROM conversations_message WHERE direction = 'out' AND state = 'unknown'")}


def number_of(reference: str) -> int:
    """m<id>.<mark>, as it travels with every message."""
    return int(reference[1:].partition(".")[0])


def introduce(system: System, people: int) -> None:
    rows = [{"person": {"name": name_of(i), "phone": phone_of(i)}, "number": NUMBER, "text": "請問有貨嗎？"} for i in range(people)]
    for start in range(0, len(rows), 200):
        system.control("inbound_bulk", {"messages": rows[start : start + 200]})
    count = "SELECT count(*) FROM conversations_conversation"
    system.wait_until(lambda: system.number(count) == people, 120 + people / 5, "everybody is introduced")


def outcomes(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    people = max(1, given.messages // EACH)
    introduce(system, people)
    wait_for(system, lambda: not system.number(OPEN), 60)
    before, earlier = references(system), system.number("SELECT count(*) FROM conversations_message WHERE direction = 'out'")
    system.control(f"faults/{NUMBER}", {**FAULTS, "seed": str(given.seed)})
    shell(system, f"queue_texts(range({people}), '{NUMBER}', word='ANSWER', each={EACH})")
    took = wait_for(system, lambda: not system.number(OPEN), SETTLED_WITHIN)
    verdict.figures["seconds until nothing was on its way"] = "never" if took is None else f"{took:.0f}"
    verdict.demand("still on its way", system.number(OPEN))
    judge(system, verdict, references(system) - before, people * EACH, earlier)


def judge(system: System, verdict: Verdict, taken: Counter[str], sends: int, earlier: int) -> None:
    """Statuses come with the reference: what the platform took does not stay unknown."""
    mine = {number_of(reference) for reference in taken}
    settled = wait_for(system, lambda: not (unknown(system) & mine), 120)
    verdict.figures["seconds until all that was taken was settled"] = "never" if settled is None else f"{settled:.0f}"
    verdict.figures["states"] = dict(sorted(system.rows(STATES)))
    left = unknown(system)
    verdict.figures["taken by the platform"] = f"{len(taken)} of {sends}"
    verdict.figures["unknown, for a person to settle"] = len(left)
    verdict.demand("sent twice", sum(count - 1 for count in taken.values()))
    verdict.demand("taken, and still unknown", len(left & mine))
    written = system.number("SELECT count(*) FROM conversations_message WHERE direction = 'out'") - earlier
    ended = system.number(
        "SELECT count(*) FROM conversations_message WHERE direction = 'out' AND state IN ('failed', 'blocked', 'expired')"
    )
    verdict.demand("unaccounted for", abs(written - len(taken) - len(left) - ended))
    verdict.demand("nothing was unknown, so nothing was shown", int(not left))


RUNS: dict[str, tuple[Callable[[System, Verdict, argparse.Namespace], None], dict[str, str]]] = {"outcomes": (outcomes, {})}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--messages", type=int, default=2_000)


if __name__ == "__main__":
    leave(lambda: main_of(RUNS, __doc__, _arguments))
