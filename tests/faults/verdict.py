"""What a fault run must have kept: counted from the sandbox's log and the driver's own, compared with what the product stored."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.driver import Driver
from tests.faults.system import Gone, System

# A process sends up to forty messages side by side; of one that is killed so many are on their way, as a rule.
ON_THEIR_WAY = 4
RANK = {"queued": 0, "claimed": 1, "sending": 2, "unknown": 2, "accepted": 3, "sent": 4, "delivered": 5, "read": 6, "failed": 9}
SETTLED = "state IN ('claimed', 'sending') OR (state = 'queued' AND due_at <= ?)"


@dataclass
class Verdict:
    """`figures` is the table that is printed; `broken` names each promise that was not kept."""

    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def demand(self, name: str, value: int, most: int = 0, note: str = "") -> None:
        self.figures[name] = f"{value}{f' (at most {most})' if most else ''}{f'  {note}' if note else ''}"
        if value > most:
            self.broken.append(f"{name}: {value}, at most {most} {note}")

    def table(self) -> str:
        width = max(len(name) for name in self.figures)
        lines = [f"  {name:<{width}}  {value}" for name, value in self.figures.items()]
        return "\n".join([*lines, "", "BROKEN: " + "; ".join(self.broken) if self.broken else "everything kept"])


def open_work(system: System) -> dict[str, int]:
    """What is still on its way, by place."""
    summary = system.control("summary")
    from datetime import UTC, datetime

    now: Any = datetime.now(UTC)
    now = now if system.database_url else now.replace(tzinfo=None).isoformat(" ")
    return {
        "webhooks of the sandbox": summary["webhooks_waiting"] + summary["updates_waiting"],
        "bodies not opened": system.number("SELECT count(*) FROM intake_inboundevent WHERE state <> 'done'"),
        "messages to send": system.number(f"SELECT count(*) FROM conversations_message WHERE {SETTLED}", [now]),
        "events for rules": system.number(
            "SELECT count(*) FROM contacts_eventdelivery WHERE substr(consumer, 1, 10) = 'automation' AND NOT parked"
        ),
        "statuses without message": system.number("SELECT count(*) FROM conversations_orphanstatus"),
        "files in the spool": len(list(Path(system.folder, "spool").glob("*.body"))),
    }


def wait_for_quiet(system: System, seconds: float) -> tuple[float, dict[str, int]]:
    """Seconds until nothing was on its way, twice in a row; and what was left when the time ran out."""
    began, quiet, left = time.monotonic(), 0, {"not looked at": 1}
    while time.monotonic() - began < seconds:
        try:
            left = {place: count for place, count in open_work(system).items() if count}
        except Exception as error:
            left = {f"cannot look: {type(error).__name__}": 1}
        quiet = 0 if left else quiet + 1
        if quiet == 2:
            return time.monotonic() - began, {}
        if not system.running:
            raise Gone(f"the system ended by itself\n{system.tail()}")
        time.sleep(1)
    return time.monotonic() - began, left


def judge(driver: Driver, *, worker_kills: int, left: dict[str, int]) -> Verdict:
    verdict = Verdict()
    system = driver.system
    _check_inbound(verdict, system, driver)
    _check_ledger(verdict, system)
    _check_order(verdict, system, driver)
    _check_sends(verdict, system, driver, worker_kills)
    for place, count in left.items():
        verdict.demand(f"stuck: {place}", count)
    return verdict


def _check_inbound(verdict: Verdict, system: System, driver: Driver) -> None:
    promised = {said.wamid for post in driver.posts if post.acknowledged for said in post.said}
    promised |= {
        item[0]
        for entry in system.history("webhook")
        if entry["answer"] == 200
        for item in entry["content"]["items"]
        if item[1] == "message"
    }
    stored = Counter(row[0] for row in system.rows("SELECT external_id FROM conversations_message WHERE direction = 'in'"))
    posted = {said.wamid for post in driver.posts for said in post.said} | {row["wamid"] for row in system.history("inbound")}
    verdict.figures["posted bodies"] = f"{len(driver.posts)}, {sum(post.repeated for post in driver.posts)} of them repeated on purpose"
    verdict.figures["posts until acknowledged"] = sum(post.attempts for post in driver.posts)
    verdict.figures["acknowledged messages"] = len(promised)
    verdict.demand("never acknowledged", sum(not post.acknowledged for post in driver.posts))
    verdict.demand("lost", len(promised - set(stored)))
    verdict.demand("stored twice", sum(count - 1 for count in stored.values()))
    verdict.demand("stored, never posted", len(set(stored) - posted))


def _check_ledger(verdict: Verdict, system: System) -> None:
    import json

    lines = json.loads(system.manage("ledger", "--format", "json", check=False))
    verdict.demand("ledger lines that do not add up", sum(not line["balanced"] for line in lines.values()))
    verdict.demand("parked items", sum(line["parked"] for line in lines.values()))
    verdict.figures["counted as duplicates"] = sum(line["duplicate"] for line in lines.values())


def _check_order(verdict: Verdict, system: System, driver: Driver) -> None:
    """The threads hold what was written in the order of its seconds, and each conversation's own row agrees with its thread.

    Within one second the platform's stamps say nothing, and what a killed worker held comes after its neighbours: counted, not judged.
    """
    position = {said.wamid: index for index, said in enumerate(said for post in driver.posts if not post.repeated for said in post.said)}
    at = {said.wamid: said.at for post in driver.posts for said in post.said}
    threads: dict[int, list[str]] = {}
    for conversation, wamid in system.rows(
        "SELECT conversation_id, external_id FROM conversations_message WHERE direction = 'in' ORDER BY sent_at, id"
    ):
        if wamid in position:
            threads.setdefault(conversation, []).append(wamid)
    pairs = [(a, b) for thread in threads.values() for a, b in itertools.pairwise(thread) if position[a] > position[b]]
    verdict.demand("out of order", sum(at[a] != at[b] for a, b in pairs))
    verdict.figures["swapped within one second"] = sum(at[a] == at[b] for a, b in pairs)
    split = system.number("SELECT count(*) - count(DISTINCT (identity_id || ':' || connection_id)) FROM conversations_conversation")
    verdict.demand("conversations split", split)
    disagreeing = """SELECT count(*) FROM conversations_conversation c WHERE
        c.last_inbound_at <> (SELECT max(sent_at) FROM conversations_message m WHERE m.conversation_id = c.id AND direction = 'in')
        OR c.unread_count <> (SELECT count(*) FROM conversations_message m WHERE m.conversation_id = c.id AND direction = 'in')"""
    verdict.demand("conversations that disagree with their thread", system.number(disagreeing))


def _check_sends(verdict: Verdict, system: System, driver: Driver, worker_kills: int) -> None:
    accepted = Counter(row["reference"] for row in system.history("accepted"))
    rows = system.rows("SELECT id, idempotency_key, state, source, external_id FROM conversations_message WHERE direction = 'out'")
    ours = {
        f"m{pk}.{hashlib.sha256((key or '').encode()).hexdigest()[:10]}": (pk, state, external_id)
        for pk, key, state, _, external_id in rows
    }
    allowed = {row[0] for row in system.rows("SELECT message_id FROM conversations_decision WHERE moment = 'send' AND verdict = 'allow'")}
    verdict.figures["accepted by the platform"] = sum(accepted.values())
    verdict.figures["outgoing by source"] = dict(Counter(row[3] for row in rows))
    verdict.figures["outgoing by state"] = dict(Counter(row[2] for row in rows))
    verdict.demand("sent twice", sum(count - 1 for count in accepted.values()))
    verdict.demand("phantoms", sum(ref not in ours or ours[ref][0] not in allowed for ref in accepted))
    unknown = [ref for ref, (_, state, _) in ours.items() if state == "unknown"]
    verdict.demand("unknown though accepted", sum(ref in accepted for ref in unknown))
    verdict.demand("unknown", len(unknown), most=worker_kills * ON_THEIR_WAY, note="never accepted: a person decides")
    _check_promises(verdict, system, driver)
    _check_states(verdict, system, ours)


def _check_promises(verdict: Verdict, system: System, driver: Driver) -> None:
    keys = Counter(
        (row[0] or "").split(":", 2)[-1] for row in system.rows("SELECT idempotency_key FROM conversations_message WHERE source = 'api'")
    )
    promised = [ask for ask in driver.asks if ask.message]
    verdict.figures["asked through the API"] = (
        f"{len(driver.asks)}, {len(promised)} promised, refused {sum(400 <= a.status < 500 for a in driver.asks)}"
    )
    verdict.demand("API promises without message", sum(keys[ask.key] != 1 for ask in promised))
    rules = system.number("SELECT count(*) FROM automation_rule WHERE enabled AND \"trigger\" = 'message.received'")
    heard = system.number("SELECT count(*) FROM contacts_event WHERE kind = 'message.received'")
    told = system.number("SELECT count(*) FROM conversations_message WHERE direction = 'in'")
    verdict.figures["rules evaluated"] = f"{rules} for each of {heard} events"
    verdict.demand("messages without their one event", abs(told - heard))
    verdict.demand("events without their one evaluation", abs(rules * heard - system.number("SELECT count(*) FROM automation_run")))
    asked = sum(said.asks_for_an_answer for post in driver.posts if not post.repeated for said in post.said)
    answered = system.number("SELECT count(*) FROM conversations_message WHERE source = 'rule'")
    verdict.demand("answers of rules missing or too many", abs(asked - answered), note=f"{asked} asked")


def _check_states(verdict: Verdict, system: System, ours: dict[str, tuple[int, str, str]]) -> None:
    """Every acknowledged status has arrived: each message stands where the furthest of its statuses put it."""
    furthest: dict[str, int] = {}
    for entry in system.history("webhook"):
        if entry["answer"] == 200:
            for wamid, word in entry["content"]["items"]:
                if word in RANK:
                    furthest[wamid] = max(furthest.get(wamid, 0), RANK[word])
    behind = [pk for pk, state, external_id in ours.values() if external_id in furthest and RANK.get(state, 0) < furthest[external_id]]
    verdict.demand("behind their statuses", len(behind), note=str(behind[:5]) if behind else "")
