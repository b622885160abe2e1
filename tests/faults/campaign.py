"""Campaigns to thousands of people on the real system, workers killed meanwhile, buttons pressed twice: counted by the platform.

    python -m tests.faults.campaign --database sqlite
    SABOTAGE=deaf_to_causes python -m tests.faults.campaign --people 600      # must show messages that left after the button

halt      to half of the people: started twice at once, three workers killed, edited while it runs (refused), paused and resumed: everybody
          gets it exactly once, nothing leaves while it is paused
stop      to the other half: stopped midway: nobody gets it twice, and nothing leaves any more

What had begun to leave when the button was pressed may still arrive within `IN_FLIGHT` seconds. Exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tests.faults.deploys import main_of
from tests.faults.system import System, leave
from tests.faults.tiers import name_of, phone_of, set_tier, wait_for
from tests.faults.verdict import Verdict

NUMBER = "sandbox-hk"
IN_FLIGHT = 5.0
# Less than a second of a number's full speed.
MOST_IN_FLIGHT = 60
QUIET = 15.0
TEMPLATE = "continue_chat"
AT_A_TIME = 200
COUNTRIES = {"halt": "HK", "stop": "SG"}


# --- in the product's own process (`manage.py shell`) ---------------------------------------------------------------


def make(name: str) -> None:
    """A campaign to everybody of this run's country, checked; prints its number."""
    from scrm.campaigns import campaigns
    from scrm.campaigns.models import Campaign, Segment
    from scrm.connections.models import Connection
    from scrm.contacts.models import Contact
    from scrm.conversations.models import MessageTemplate

    Connection.objects.update(daily_cap=1_000_000)
    for number, contact in enumerate(Contact.objects.filter(name__contains="小姐").order_by("pk")):
        Contact.objects.filter(pk=contact.pk).update(country=list(COUNTRIES.values())[number % 2])
    template = MessageTemplate.objects.get(connection__slug=NUMBER, name=TEMPLATE, language="zh_HK")
    MessageTemplate.objects.filter(pk=template.pk).update(variables={"body_1": {"source": "contact.name"}})
    condition = {"term": "contact.country", "op": "is", "value": COUNTRIES[name]}
    segment = Segment.objects.create(name=name, conditions=condition)
    campaign = Campaign.objects.create(name=name, segment=segment, template=template)
    campaigns.prepare(campaign)
    sys.stdout.write(f"{campaign.pk}\n")


def log_in() -> None:
    """Prints the cookie of a supervisor's session."""
    from django.conf import settings
    from django.test import Client

    from scrm.staff.models import User

    client = Client()
    client.force_login(User.objects.filter(is_superuser=True).order_by("pk")[0])
    sys.stdout.write(
        json.dumps([settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value, settings.CSRF_COOKIE_NAME]) + "\n"
    )


def shell(system: System, call: str) -> str:
    said = system.manage("shell", "-c", f"from tests.faults import campaign; campaign.{call}")
    return said.strip().splitlines()[-1]


# --- what a supervisor does ------------------------------------------------------------------------------------------


class Desk:
    """Buttons, pressed over HTTP as the page does it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.session, self.value, self.csrf = json.loads(shell(system, "log_in()"))

    def post(self, path: str, **fields: str) -> int:
        token = "f" * 32
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.system.port}/admin/campaigns/campaign/{path}",
            data=urllib.parse.urlencode(fields).encode(),
            headers={"Cookie": f"{self.session}={self.value}; {self.csrf}={token}", "X-CSRFToken": token},
        )
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def press(self, pk: int, act: str, times: int = 1) -> float:
        """So often at once; when the last answer was there."""
        threads = [threading.Thread(target=self.post, args=(f"{pk}/do/",), kwargs={"act": act}) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.time()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


# --- what is seen from outside --------------------------------------------------------------------------------------


def state(system: System, pk: int) -> str:
    return str(system.rows("SELECT state FROM campaigns_campaign WHERE id = ?", [pk])[0][0])


def accepted(system: System) -> list[dict[str, Any]]:
    return [row for row in system.history("accepted") if row["content"].get("type") == "template"]


def kill_a_worker(system: System, chance: random.Random) -> None:
    with suppress(ProcessLookupError, IndexError):
        os.kill(chance.choice(system.worker_roles()["rest"]), signal.SIGKILL)


def checked(system: System, verdict: Verdict, name: str, people: int) -> int:
    began = time.monotonic()
    pk = int(shell(system, f"make({name!r})"))
    system.wait_until(lambda: state(system, pk) == "ready", 120, "the campaign is checked")
    verdict.figures[f"{name}: seconds until checked"] = f"{time.monotonic() - began:.1f}"
    eligible = system.number("SELECT eligible FROM campaigns_campaign WHERE id = ?", [pk])
    verdict.demand(f"{name}: not foreseen to get it", abs(people - eligible))
    return pk


def after(verdict: Verdict, system: System, name: str, pressed: float, seen: int) -> int:
    """Nothing leaves in a quiet time after the button; how many have it by then. `seen`: how many the platform had taken already."""
    time.sleep(QUIET)
    rows = accepted(system)[seen:]
    late = sum(pressed < row["at"] <= pressed + IN_FLIGHT for row in rows)
    verdict.demand(f"{name}: still arrived within {IN_FLIGHT:.0f} s", late, most=MOST_IN_FLIGHT)
    verdict.demand(f"{name}: left after it", sum(row["at"] > pressed + IN_FLIGHT for row in rows))
    return seen + len(rows)


# --- the runs -------------------------------------------------------------------------------------------------------


def campaign(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    chance, half = random.Random(given.seed), given.people // 2
    introduce(system, given.people)
    desk = Desk(system)
    halt(system, verdict, desk, chance, half)
    stop(system, verdict, desk, chance, half)


def introduce(system: System, people: int) -> None:
    """Everybody writes once; the number's tier takes them all in a day, else a campaign to them goes in batches over several."""
    set_tier(system, 100_000, "TIER_100K")
    rows = [{"person": {"name": name_of(i), "phone": phone_of(i)}, "number": NUMBER, "text": "請問有貨嗎？"} for i in range(people)]
    for start in range(0, len(rows), AT_A_TIME):
        system.control("inbound_bulk", {"messages": rows[start : start + AT_A_TIME]})
    count = "SELECT count(*) FROM conversations_conversation"
    system.wait_until(lambda: system.number(count) == people, 120 + people / 20, "everybody is introduced")
    known = "SELECT count(*) FROM conversations_messagetemplate WHERE name = ? AND status = 'APPROVED'"
    system.wait_until(lambda: system.number(known, [TEMPLATE]) > 0, 90, "the templates are known")


def halt(system: System, verdict: Verdict, desk: Desk, chance: random.Random, people: int) -> None:
    pk = checked(system, verdict, "halt", people)
    began = time.time()
    desk.press(pk, "start", times=4)
    for share in (0.1, 0.2, 0.3):
        reach(system, people * share)
        kill_a_worker(system, chance)
    desk.post(f"{pk}/change/", name="something else", segment="1", template="1", starts_at_0="", starts_at_1="")
    name = system.rows("SELECT name FROM campaigns_campaign WHERE id = ?", [pk])[0][0]
    verdict.demand("edited while it ran", int(name != "halt"))
    reach(system, people * 0.4)
    seen = len(accepted(system))
    pressed = desk.press(pk, "pause", times=2)
    went = after(verdict, system, "pause", pressed, seen)
    verdict.demand("paused only when all had gone", int(went >= people))
    desk.press(pk, "resume", times=2)
    wait_for(system, lambda: state(system, pk) == "done", 120 + people / 10)
    verdict.figures["halt: seconds"] = f"{time.time() - began:.0f}"
    verdict.demand("not done", int(state(system, pk) != "done"))
    got = Counter(row["recipient"] for row in accepted(system))
    unknown = system.number("SELECT count(*) FROM conversations_message WHERE direction = 'out' AND state = 'unknown'")
    verdict.figures["people who got it"] = f"{len(got)} of {people}"
    verdict.figures["outcome unknown, of killed workers"] = unknown
    verdict.demand("got it twice", sum(count > 1 for count in got.values()))
    verdict.demand("did not get it", max(0, people - len(got) - unknown))
    verdict.demand("neither sent nor told why", system.number(_UNTOLD, [pk]))


# Recipients whose message is neither with the platform nor has an end, and those that still wait.
_UNTOLD = (
    "SELECT count(*) FROM campaigns_recipient r LEFT JOIN conversations_message m ON m.id = r.message_id WHERE r.campaign_id = ? AND "
    "(r.state IN ('found', 'waiting') OR m.state IN ('queued', 'claimed', 'sending'))"
)


def stop(system: System, verdict: Verdict, desk: Desk, chance: random.Random, people: int) -> None:
    before = len(accepted(system))
    pk = checked(system, verdict, "stop", people)
    desk.press(pk, "start", times=2)
    reach(system, before + people * 0.2)
    kill_a_worker(system, chance)
    reach(system, before + people * 0.4)
    seen = len(accepted(system))
    pressed = desk.press(pk, "stop", times=3)
    went = after(verdict, system, "stop", pressed, seen)
    verdict.figures["stop: had gone by then"] = f"{went - before} of {people}"
    verdict.demand("stopped only when all had gone", int(went - before >= people))
    finished = "SELECT count(*) FROM campaigns_campaign WHERE id = ? AND finished_at IS NOT NULL"
    wait_for(system, lambda: system.number(finished, [pk]), 120)
    verdict.demand("not wound up", 1 - system.number(finished, [pk]))
    verdict.demand("neither sent nor told why, of what was stopped", system.number(_UNTOLD, [pk]))
    got = Counter(row["recipient"] for row in accepted(system)[before:])
    verdict.demand("got what was stopped twice", sum(count > 1 for count in got.values()))


def reach(system: System, count: float) -> None:
    """Until the platform has taken so many."""
    system.wait_until(lambda: len(accepted(system)) >= count, 600, f"{count:.0f} have gone")


RUNS: dict[str, tuple[Callable[[System, Verdict, argparse.Namespace], None], dict[str, str]]] = {
    "campaign": (campaign, {"LEASES": "short", "DAILY_CAP_STANDARD": "1000000"}),
}

if __name__ == "__main__":
    leave(lambda: main_of(RUNS, __doc__, lambda parser: parser.add_argument("--people", type=int, default=10_000)))
