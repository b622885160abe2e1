"""The platform's messaging limit and the health of a number, on the real system: nothing over the tier, and the speed follows the quality.

    python -m tests.faults.tiers --database sqlite
    python -m tests.faults.tiers --database postgresql --only limit
    SABOTAGE=no_reach python -m tests.faults.tiers --only limit        # must show people over the tier
    SABOTAGE=no_governor python -m tests.faults.tiers --only drop      # must show a speed that does not fall

limit     120 templates to 120 people who never wrote, through two numbers of one portfolio whose tier is 40 people: 40 are reached, no
          more and no fewer, the others wait with their reason and the moment at which they may go; a higher tier, told by webhook, lets
          as many more go within a minute, a lower one lets nobody go
drop      agents answer several hundred people at the number's full speed when its quality drops: within a minute the platform gets less
          than 15 % of what it got, and within four minutes of the return at least 80 %; answers overtake promotions, which stop meanwhile
template  the platform pauses a template: what uses it waits, and goes within a minute of its release

Reached people and speed are counted from the sandbox's own log. Exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from tests.faults.deploys import main_of, moment
from tests.faults.system import System, leave
from tests.faults.verdict import Verdict

FAMILY = ("陳", "林", "黃", "張", "李", "王", "吳", "何")
NUMBERS = ("sandbox-hk", "sandbox-tw")
MINUTE = 60.0
# More than two looks of the governor: what has not gone by then does not go.
LONG_ENOUGH = 35.0
TIER, HIGHER, LOWER = 40, 60, 30
FULL_SPEED = 20
MOST_AFTER_DROP, LEAST_AFTER_RETURN = 0.15, 0.80
SECONDS_TO_FALL, SECONDS_TO_RETURN = 60.0, 240.0
WINDOW = 10.0


# --- in the product's own process (`manage.py shell`) ---------------------------------------------------------------


def phone_of(index: int) -> str:
    return f"8526{index:07d}"


def name_of(index: int) -> str:
    return f"{FAMILY[index % len(FAMILY)]}小姐 {index}"


def _chat(index: int, slug: str) -> Any:
    from connectors.contracts import Address
    from scrm.connections.models import Connection
    from scrm.contacts.services import Sender, resolve_identity
    from scrm.conversations.services import start_conversation

    identity = resolve_identity(Sender((Address("whatsapp", phone_of(index)),), name=name_of(index)))
    return start_conversation(identity, Connection.objects.get(slug=slug))


def queue_notices(people: Iterable[int], slugs: tuple[str, ...] = NUMBERS, prefix: str = "notice") -> None:
    """A template to each, by turns through these numbers."""
    from scrm.conversations.services import queue_message

    for index in people:
        filled = [{"type": "body", "parameters": [{"type": "text", "text": name_of(index)}]}]
        queue_message(
            _chat(index, slugs[index % len(slugs)]),
            kind="template",
            content={"name": "continue_chat", "language": "zh_HK", "components": filled},
            category="utility",
            source="api",
            idempotency_key=f"{prefix} {index}",
        )


def queue_texts(people: Iterable[int], slug: str, *, word: str, each: int = 1) -> None:
    """`word` is ANSWER, an agent's, or OFFER, a promotion of a partner's; a hundred in one transaction."""
    from scrm.conversations.queueing import Draft, queue_many
    from scrm.staff.models import User

    kind = {"source": "agent", "by": User.objects.get(username="mei")} if word == "ANSWER" else {"source": "api", "category": "marketing"}
    chats = [_chat(index, slug) for index in people]
    drafts = [
        Draft(conversation=chat, text=f"{word} {turn} {chat.pk}", idempotency_key=f"{word} {slug} {turn} {chat.pk}", **kind)
        for turn in range(each)
        for chat in chats
    ]
    for start in range(0, len(drafts), 100):
        queue_many(drafts[start : start + 100])


def look(*slugs: str) -> None:
    """As an administrator's 'check now' does."""
    from scrm.connections.models import Connection
    from scrm.connections.services import check_now

    for number in Connection.objects.filter(slug__in=slugs):
        check_now(number)


# --- what is seen from outside --------------------------------------------------------------------------------------


def shell(system: System, call: str) -> None:
    system.manage("shell", "-c", f"from tests.faults import tiers; tiers.{call}")


def facts(system: System, slug: str) -> dict[str, Any]:
    (row,) = system.rows("SELECT facts FROM connections_connection WHERE slug = ?", [slug])
    return json.loads(row[0]) if isinstance(row[0], str) else dict(row[0] or {})


def wait_for(system: System, true: Callable[[], object], seconds: float) -> float | None:
    """Seconds until it came true; None when it did not."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if true():
            return time.monotonic() - began
        time.sleep(0.5)
    return None


def know(system: System, name: str, value: Any, slugs: tuple[str, ...] = NUMBERS) -> None:
    system.wait_until(lambda: all(facts(system, slug).get(name) == value for slug in slugs), 30, f"{name} is known to be {value}")


def reached(system: System) -> set[str]:
    """People to whom the platform accepted a template. Nobody of the run ever wrote, so each of them was spoken to first."""
    return {row["recipient"] for row in system.history("accepted") if row["content"].get("type") == "template"}


# --- limit ----------------------------------------------------------------------------------------------------------


def limit(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    people = 3 * TIER
    for index in range(people):
        system.control("people", {"name": name_of(index), "phone": phone_of(index)})
    set_tier(system, TIER)
    shell(system, f"queue_notices(range({people}))")
    check_tier(system, verdict, "tier", TIER)
    check_reasons(system, verdict, people - TIER)
    set_tier(system, HIGHER)
    check_tier(system, verdict, "higher tier", HIGHER)
    set_tier(system, LOWER)
    check_tier(system, verdict, "lower tier", HIGHER)
    verdict.demand("people over the tier, counted by the platform", system.control("summary")["over_tier"])
    by_number = {slug: sum(row["number"] == slug for row in system.history("accepted")) for slug in NUMBERS}
    verdict.figures["messages by number"] = by_number
    verdict.demand("numbers that sent nothing", sum(not count for count in by_number.values()))
    set_tier(system, 2000, "TIER_2K")
    check_tier(system, verdict, "all", people)


def set_tier(system: System, people: int, word: str = "") -> None:
    system.control("numbers/sandbox-hk", {"messaging_tier": word or f"TIER_{people}"})
    know(system, "messaging_limit", people)


def check_tier(system: System, verdict: Verdict, name: str, people: int) -> None:
    """Full within a minute, and still not more when there was time enough for it."""
    took = wait_for(system, lambda: len(reached(system)) >= people, MINUTE)
    verdict.figures[f"{name}: seconds until full"] = "never" if took is None else f"{took:.1f}"
    time.sleep(LONG_ENOUGH if name != "all" else 0)
    count = len(reached(system))
    verdict.figures[f"{name}: people reached"] = f"{count} of {people}"
    verdict.demand(f"{name}: over", max(0, count - people))
    verdict.demand(f"{name}: under-filled", max(0, people - count))


def check_reasons(system: System, verdict: Verdict, waiting: int) -> None:
    """What waits says why, and since when it may go."""
    rows = system.rows(
        "SELECT m.due_at, d.rule, d.until FROM conversations_message m JOIN conversations_decision d ON d.id = "
        "(SELECT max(id) FROM conversations_decision WHERE message_id = m.id) WHERE m.direction = 'out' AND m.state = 'queued'"
    )
    told = [row for row in rows if row[1] == "messaging_limit" and row[2] is not None and moment(row[0]) > time.time()]
    verdict.figures["waiting, with rule and next moment"] = len(told)
    verdict.demand("waiting without", abs(waiting - len(told)) + len(rows) - len(told))


# --- drop -----------------------------------------------------------------------------------------------------------


def drop(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    introduce(system, given.people)
    system.control("numbers/sandbox-hk", {"throughput": FULL_SPEED})
    shell(system, "look('sandbox-hk', 'sandbox-tw')")
    know(system, "coexistence", True, ("sandbox-hk",))
    system.wait_until(lambda: pace(system, "sandbox-hk")[0] in {None, FULL_SPEED}, 40, "the governor has set the full speed")
    # Forty people are left for the other number: a second promotion in a week would be refused to them.
    shell(system, f"queue_texts(range(40, {given.people}), 'sandbox-hk', word='OFFER')")
    shell(system, f"queue_texts(range({given.people}), 'sandbox-hk', word='ANSWER', each={given.each})")
    behind = time.time()
    time.sleep(25)
    dropped = time.time()
    before = rate(stamps(system, "sandbox-hk"), behind + 5, dropped)
    offers = [at for at in stamps(system, "sandbox-hk", "OFFER") if at > behind + 5]
    verdict.figures["before"] = f"{before:.1f}/s of {FULL_SPEED}/s"
    verdict.demand("promotions that went while answers waited", len(offers))
    system.control("numbers/sandbox-hk", {"quality_rating": "RED"})
    fell = wait_for(system, lambda: rate(stamps(system, "sandbox-hk"), time.time() - WINDOW, time.time()) < MOST_AFTER_DROP * before, 90)
    stays_slow(system, verdict, before, fell)
    promotions(system, verdict, given)
    returns(system, verdict, before)


def introduce(system: System, people: int) -> None:
    """Everybody writes to the Hong Kong number, and forty of them to Taipei as well."""
    rows = [{"person": {"name": name_of(i), "phone": phone_of(i)}, "number": "sandbox-hk", "text": "請問有貨嗎？"} for i in range(people)]
    rows += [{**row, "number": "sandbox-tw"} for row in rows[:40]]
    for start in range(0, len(rows), 200):
        system.control("inbound_bulk", {"messages": rows[start : start + 200]})
    count = "SELECT count(*) FROM conversations_conversation"
    system.wait_until(lambda: system.number(count) == len(rows), 90 + people / 10, "everybody is introduced")


def pace(system: System, slug: str) -> tuple[float | None, bool]:
    """The speed that the governor set and whether promotions go; (None, True) before there is any."""
    number = "(SELECT id FROM connections_connection WHERE slug = ?)"
    rows = system.rows(f"SELECT per_second, promotions FROM conversations_pace WHERE connection_id = {number}", [slug])
    return (float(rows[0][0]), bool(rows[0][1])) if rows else (None, True)


def stamps(system: System, slug: str, word: str = "") -> list[float]:
    """When the platform accepted this number's texts that begin with `word`."""
    return [
        row["at"]
        for row in system.history("accepted")
        if row["number"] == slug and row["content"].get("text", {}).get("body", "").startswith(word)
    ]


def rate(at: list[float], start: float, end: float) -> float:
    return sum(start <= each < end for each in at) / (end - start)


def stays_slow(system: System, verdict: Verdict, before: float, fell: float | None) -> None:
    verdict.figures["seconds until less than 15 %"] = "never" if fell is None else f"{fell:.0f}"
    verdict.demand("drop: seconds over the minute in which it falls", int(max(0.0, (90.0 if fell is None else fell) - SECONDS_TO_FALL)))
    since = time.time()
    time.sleep(20)
    slow = rate(stamps(system, "sandbox-hk"), since, time.time())
    verdict.figures["while quality is low"] = f"{slow:.1f}/s"
    verdict.demand("drop: percent of the speed kept", int(100 * slow / before), most=int(100 * MOST_AFTER_DROP))
    verdict.demand("drop: stands still", int(slow == 0))


def promotions(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    """Another number with nothing else to do: its promotions stop, its answers go, and with the quality the promotions come back."""
    system.control("numbers/sandbox-tw", {"quality_rating": "RED"})
    stopped = wait_for(system, lambda: not pace(system, "sandbox-tw")[1], MINUTE)
    verdict.demand("promotions that are not stopped within a minute", int(stopped is None))
    shell(system, "queue_texts(range(20), 'sandbox-tw', word='OFFER')")
    shell(system, "queue_texts(range(20, 40), 'sandbox-tw', word='ANSWER')")
    answered = wait_for(system, lambda: len(stamps(system, "sandbox-tw", "ANSWER")) == 20, MINUTE)
    time.sleep(5)
    verdict.demand("answers held with the promotions", int(answered is None))
    verdict.demand("promotions sent while they are stopped", len(stamps(system, "sandbox-tw", "OFFER")))
    system.control("numbers/sandbox-tw", {"quality_rating": "GREEN"})
    back = wait_for(system, lambda: len(stamps(system, "sandbox-tw", "OFFER")) == 20, MINUTE)
    verdict.figures["seconds until promotions go again"] = "never" if back is None else f"{back:.0f}"
    verdict.demand("promotions that did not come back", 20 - len(stamps(system, "sandbox-tw", "OFFER")))


def returns(system: System, verdict: Verdict, before: float) -> None:
    system.control("numbers/sandbox-hk", {"quality_rating": "GREEN"})
    wanted = LEAST_AFTER_RETURN * before
    back = wait_for(system, lambda: rate(stamps(system, "sandbox-hk"), time.time() - WINDOW, time.time()) >= wanted, SECONDS_TO_RETURN)
    left = system.number("SELECT count(*) FROM conversations_message WHERE state = 'queued'")
    verdict.figures["seconds until 80 % again"] = "never" if back is None else f"{back:.0f}"
    verdict.figures["still waiting then"] = left
    verdict.demand("return: not within four minutes", int(back is None))
    verdict.demand("refused as too fast (130429)", sum(row["content"]["code"] == 130429 for row in system.history("refused")), most=3)


# --- template -------------------------------------------------------------------------------------------------------


def template(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    people = range(20)
    for index in people:
        system.control("people", {"name": name_of(index), "phone": phone_of(index)})
    known = "SELECT count(*) FROM conversations_messagetemplate WHERE name = 'continue_chat' AND status = ?"
    system.wait_until(lambda: system.number(known, ["APPROVED"]) > 0, 90, "the templates are known")
    system.control("templates/sandbox-hk", {"name": "continue_chat", "language": "zh_HK", "status": "PAUSED"})
    system.wait_until(lambda: system.number(known, ["PAUSED"]) > 0, 30, "the pause is known")
    shell(system, "queue_notices(range(20), ('sandbox-hk',))")
    time.sleep(LONG_ENOUGH)
    verdict.demand("sent while paused", len(reached(system)))
    held = "SELECT count(*) FROM conversations_message WHERE state = 'queued' AND error_code = '132015'"
    verdict.demand("held without saying why", abs(20 - system.number(held)))
    verdict.demand("asked of the platform while paused", len(system.history("refused")))
    system.control("templates/sandbox-hk", {"name": "continue_chat", "language": "zh_HK", "status": "APPROVED"})
    took = wait_for(system, lambda: len(reached(system)) == 20, MINUTE)
    verdict.figures["seconds until all had gone after the release"] = "never" if took is None else f"{took:.1f}"
    verdict.demand("not sent after the release", 20 - len(reached(system)))
    verdict.demand("sent twice", len(system.history("accepted")) - len(reached(system)))


RUNS: dict[str, tuple[Callable[[System, Verdict, argparse.Namespace], None], dict[str, str]]] = {
    "limit": (limit, {}),
    "drop": (drop, {}),
    "template": (template, {}),
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=int, default=500, help="whom agents answer (drop)")
    parser.add_argument("--each", type=int, default=7, help="answers to each of them (drop)")


if __name__ == "__main__":
    leave(lambda: main_of(RUNS, __doc__, _arguments))
