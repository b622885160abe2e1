"""P08: every published error code, once in the answer to a send and once in a failed status, from the sandbox's own server.

What the platform was asked is counted from its log. The product's clock stands still and is moved; a wait is honoured when nothing is
asked at nine tenths of it and something at eleven tenths.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from connectors.contracts import Address
from scrm.connections import breaker
from scrm.connections.models import Alert, Connection
from scrm.connections.services import explain_error
from scrm.contacts.models import Consent, Identity
from scrm.contacts.services import Sender, resolve_identity
from scrm.conversations import outbox, services, statuses
from scrm.conversations.models import Message, MessageTemplate, Pace
from scrm.core import clock
from scrm.intake import pipeline
from tests.faults.sabotage import sabotaged
from tests.sandbox.second_address import Platform, control
from tests.sandbox.test_conformance import Ear, ear

__all__ = ["ear"]

pytestmark = [pytest.mark.processes, pytest.mark.any_database, pytest.mark.django_db]
TABLE = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "whatsapp_error_codes.json"
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CLOSED = ("needs_login", "misconfigured")

# What the platform's table asks for; of 200 to 299 both ends and one between.
STOP = (0, 3, 10, 33, 190, 200, 242, 299, 368, 131005, 131031, 131037, 131042, 131045, 133005, 133006, 133010, 134011)
FINAL = (
    100, 130472, 130497, 131008, 131009, 131021, 131026, 131030, 131051, 131052, 131053, 131055, 131060, 132000, 132001, 132005, 132007,
    132008, 132012, 132016, 132018, 132068, 134100, 134102, 135000, 137000, 2388019, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299,
    2593107, 2593108, 2593109,
)  # fmt: skip
REMEDIES = {"use_template": (131047,), "opt_out": (131050,), "pause": (131048, 131064), "phone": (131062,), "endpoint": (131063,)}
# Answered with a 5xx that names no cause: it may have been accepted.
IN_DOUBT = (2, 131000, 131016, 133004)
HOLD_TEMPLATE = 132015
# code: (the waits before each further attempt, whether there is an end to them)
BOUNDED = {
    1: [5 * MINUTE] * 2,
    131049: [24 * HOUR],
    131056: [4 * SECOND, 16 * SECOND, 64 * SECOND, 256 * SECOND, 1024 * SECOND],
    131059: [20 * SECOND],
    132069: [HOUR] * 3,
    133000: [5 * MINUTE] * 3,
    134101: [10 * MINUTE] * 3,
}
WHOLE_NUMBER = {
    4: 5 * MINUTE, 80007: 5 * MINUTE, 130429: 10 * SECOND, 131057: 2 * MINUTE, 133008: HOUR, 133009: 5 * MINUTE, 133015: 5 * MINUTE,
    133016: HOUR,
}  # fmt: skip
EVERY = (*STOP, *FINAL, *(code for codes in REMEDIES.values() for code in codes), *IN_DOUBT, HOLD_TEMPLATE, *BOUNDED, *WHOLE_NUMBER)


def name_of(code: int) -> str:
    return f"林怡君 {code}"


def phone_of(code: int) -> str:
    return f"8869{code:08d}"


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    made = Platform()
    try:
        made.prepare()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def url(platform: Platform) -> str:
    address = platform.start()
    people = [{"person": {"phone": phone_of(code), "name": name_of(code)}, "number": "sandbox-hk", "text": "你好"} for code in EVERY]
    control(address, "inbound_bulk", {"messages": people})
    return address


@pytest.fixture
def number(platform: Platform, url: str) -> Iterator[Connection]:
    known = platform.number("sandbox-hk")
    settings = {name: known[name] for name in ("phone_number_id", "waba_id", "portfolio_id")}
    secrets = {name: known[name] for name in ("access_token", "app_secret", "verify_token")}
    row = Connection.objects.create(
        slug="hk",
        label="Harbour Beauty",
        kind="channel",
        adapter="whatsapp_cloud",
        account_id=known["phone_number_id"],
        settings={**settings, "base_url": f"{url}/sandbox/graph"},
        secrets=secrets,
        country="HK",
        time_zone="Asia/Hong_Kong",
    )
    with clock.frozen(datetime.now(UTC)):
        yield row
    control(url, "faults/sandbox-hk", {"reset": True})


def asked_for(url: str, since: int) -> list[str]:
    """The references of all sends that the platform has heard of since, taken or refused."""
    with urllib.request.urlopen(f"{url}/sandbox/control/log?since={since}", timeout=20) as answer:
        rows = [json.loads(line) for line in answer.read().splitlines()]
    return [row["reference"] for row in rows if row["kind"] in {"accepted", "refused"}]


class Story:
    """One message and what the platform was asked about it."""

    def __init__(self, url: str, number: Connection, code: int, **faults: Any) -> None:
        self.url, self.number, self.code, self.began = url, number, code, clock.now()
        control(url, "faults/sandbox-hk", {"reset": True, **(faults or {"error_rates": {str(code): 100}})})
        self.since = control(url, "summary")["last_id"]
        self.identity = resolve_identity(Sender((Address("whatsapp", phone_of(code)),), name=name_of(code), country="TW"))
        self.message = self.queue(f"P08 {time.time_ns()}")

    def queue(self, key: str) -> Message:
        filled = [{"type": "body", "parameters": [{"type": "text", "text": name_of(self.code)}]}]
        content = {"name": "continue_chat", "language": "zh_HK", "components": filled}
        chat = services.start_conversation(self.identity, self.number)
        queued = services.queue_message(chat, kind="template", content=content, category="utility", source="api", idempotency_key=key)
        assert queued.decision.verdict == "allow", queued.decision.rule
        return queued.message

    def heal(self) -> None:
        control(self.url, "faults/sandbox-hk", {"reset": True})

    def work(self, after: timedelta = timedelta(0)) -> int:
        """The product's background work after so long; how often the platform has been asked for this message by now."""
        clock.advance(after)
        outbox.expire_leases()
        while outbox.send_due():
            pass
        self.message.refresh_from_db()
        self.number.refresh_from_db()
        return self.asked()

    def asked(self) -> int:
        return Counter(asked_for(self.url, self.since))[statuses.client_ref(self.message)]

    @property
    def state(self) -> tuple[str, str]:
        return self.message.state, self.message.error_code


class Answer:
    @pytest.mark.parametrize("code", STOP)
    def test_that_stops_the_number_keeps_what_waits_until_a_person_has_acted(self, url: str, number: Connection, code: int) -> None:
        story = Story(url, number, code)
        assert story.work() == 1
        assert story.state == ("queued", str(code))
        assert number.state in CLOSED and Alert.objects.filter(closed_at=None, connection=number).count() == 1
        assert story.work(HOUR) == story.work(20 * HOUR) == 1
        story.heal()
        breaker.restore(number)
        assert (story.work(MINUTE), story.message.state) == (2, "accepted")

    def test_that_is_final_is_never_sent_again_and_tells_why(self, url: str, number: Connection) -> None:
        stories: dict[int, Story] = {}
        for code in (*FINAL, *(code for codes in REMEDIES.values() for code in codes)):
            story = stories[code] = Story(url, number, code)
            assert (story.work(SECOND), *story.state, number.state) == (1, "failed", str(code), "active")
        for wait in (MINUTE, 2 * HOUR, 25 * HOUR):
            assert {code for code, story in stories.items() if story.work(wait / len(stories)) != 1} == set()
        told = {code: explain_error(number, str(code)) for code in stories}
        assert {code for code, (meaning, advice) in told.items() if not meaning or not advice or str(code) in meaning} == set()

    def test_about_the_person_or_the_number_is_obeyed(self, url: str, number: Connection) -> None:
        for code in (131026, 131050, 131048):
            Story(url, number, code).work()
        assert Identity.objects.get(value=phone_of(131026)).unreachable_reason == "131026"
        assert Consent.objects.filter(identity__value=phone_of(131050), purpose="marketing").latest("pk").allowed is False
        assert Pace.objects.get(connection=number).promotions_wait_until == clock.now() + timedelta(hours=24)
        assert Alert.objects.filter(closed_at=None, key="promotions:hk").exists()

    @pytest.mark.parametrize("code", IN_DOUBT)
    def test_that_leaves_it_open_is_never_repeated_by_a_timer(self, url: str, number: Connection, code: int) -> None:
        story = Story(url, number, code)
        assert story.work() == 1
        assert story.state == ("unknown", str(code))
        assert [story.work(wait) for wait in (MINUTE, HOUR, 25 * HOUR)] == [1, 1, 1]
        assert story.message in outbox.review_list()

    @pytest.mark.parametrize("code", BOUNDED)
    def test_that_asks_one_message_to_wait_is_obeyed_and_not_for_ever(self, url: str, number: Connection, code: int) -> None:
        story = Story(url, number, code)
        assert story.work() == 1
        for turn, wait in enumerate(BOUNDED[code], 1):
            assert story.state == ("queued", str(code)) and number.state == "active"
            assert (story.work(0.9 * wait), story.work(0.2 * wait)) == (turn, turn + 1)
        assert story.state == ("failed", str(code))
        assert story.work(25 * HOUR) == len(BOUNDED[code]) + 1

    @pytest.mark.parametrize("code", WHOLE_NUMBER)
    def test_that_asks_the_number_to_wait_holds_all_of_it_for_so_long(self, url: str, number: Connection, code: int) -> None:
        story, wait = Story(url, number, code), WHOLE_NUMBER[code]
        assert story.work() == 1
        for turn in (1, 2):
            assert story.state == ("queued", str(code)) and number.state == "waiting"
            assert (story.work(0.9 * wait), story.work(0.2 * wait)) == (turn, turn + 1)
        story.heal()
        assert (story.work(1.1 * wait), story.message.state, story.number.state) == (4, "accepted", "active")

    @pytest.mark.parametrize("seconds", [7, 600, 1800])
    def test_with_a_time_to_wait_is_honoured(self, url: str, number: Connection, seconds: int) -> None:
        story = Story(url, number, 4, too_many_requests_percent=100, retry_after_seconds=seconds)
        assert story.work() == 1
        # The platform's word can lengthen our own wait and never shortens it.
        wait = max(seconds * SECOND, WHOLE_NUMBER[4])
        assert (story.work(0.9 * wait), story.work(0.2 * wait)) == (1, 2)

    def test_that_pauses_a_template_holds_all_that_use_it_until_its_release(self, url: str, number: Connection) -> None:
        template = MessageTemplate.objects.create(
            connection=number, name="continue_chat", language="zh_HK", category="UTILITY", status="APPROVED", synced_at=clock.now()
        )
        story = Story(url, number, HOLD_TEMPLATE)
        assert [story.work(), story.work(HOUR), story.work(25 * HOUR)] == [1, 1, 1]
        template.refresh_from_db()
        assert story.state == ("queued", "132015") and template.status == "PAUSED"
        story.heal()
        MessageTemplate.objects.filter(pk=template.pk).update(status="APPROVED")
        assert (story.work(24 * HOUR), story.message.state) == (2, "accepted")

    def test_is_every_one_of_the_published_table(self) -> None:
        if not TABLE.exists():
            pytest.skip(f"{TABLE.name}, from which the lists above were copied, is not beside the repository")
        rows = json.loads(TABLE.read_text())
        told = {int(str(row["code"]).partition("-")[0]): row["policy"] for row in rows}
        assert set(told) == set(EVERY) - {242, 299}
        assert {code for code, policy in told.items() if policy == "stop_channel"} == set(STOP) - {242, 299}
        assert {code for code, policy in told.items() if policy == "final"} == set(FINAL)

    @pytest.mark.parametrize("code", [131026, 132001, 131016])
    def test_would_be_repeated_without_the_table(self, url: str, number: Connection, code: int) -> None:
        with sabotaged("retry_everything"):
            story = Story(url, number, code)
            story.work()
            assert story.work(MINUTE) > 1


class Status:
    """The same codes hours later: all failed statuses of one run, posted with the platform's signature."""

    def test_that_failed_tells_why_and_is_obeyed(self, url: str, number: Connection, client: Client, ear: Ear) -> None:
        control(url, "numbers/sandbox-hk", {"webhook_url": ear.url})
        since, stories = control(url, "summary")["last_id"], dict[int, Story]()
        for code in EVERY:
            stories[code] = Story(url, number, code, failed_rates={str(code): 100}, batch_size=50)
            clock.advance(SECOND)
            outbox.send_due()
        ear.wait(lambda heard: sum(body.count(b'"failed"') for body, _ in heard) >= len(EVERY))
        for body, headers in ear.heard:
            signed = {"X-Hub-Signature-256": headers["x-hub-signature-256"]}
            answer: Any = client.post("/webhooks/whatsapp/hk/", body, content_type="application/json", headers=signed)
            assert answer.status_code == 200
        while pipeline.drain():
            pass
        clock.advance(25 * HOUR)
        outbox.send_due()
        found = {code: Message.objects.get(pk=story.message.pk) for code, story in stories.items()}
        told = {code: (message.state, message.error_code) for code, message in found.items()}
        assert told == {code: ("failed", str(code) if code else "unknown") for code in EVERY}
        assert sorted(asked_for(url, since)) == sorted(statuses.client_ref(message) for message in found.values()), "each once"
        self.obeyed(number)

    def obeyed(self, number: Connection) -> None:
        number.refresh_from_db()
        assert number.state in CLOSED, "an unpaid bill is told in a status alone"
        assert Identity.objects.get(value=phone_of(131026)).unreachable_reason == "131026"
        assert Identity.objects.get(value=phone_of(131049)).marketing_wait_until is not None
        assert Consent.objects.filter(identity__value=phone_of(131050), purpose="marketing", allowed=False).exists()
        pace = Pace.objects.get(connection=number)
        assert pace.promotions_wait_until is not None and pace.per_second < 80
