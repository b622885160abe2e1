"""The story that fills an empty sandbox: some sixty customers of a shop in four cities, told through the real pipeline.

What customers say is posted as signed webhooks; what agents answer is queued like any reply and goes out through the law and the
outbox. Only the clock is turned back, so that the day looks like a day. Told once; when it is interrupted it goes on where it stopped,
because every turn is recognised by its customer and time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from scrm.conversations import routing, services
from scrm.conversations.models import Conversation
from scrm.conversations.models import Message as Stored
from scrm.core import clock, jobs
from scrm.core.models import Timetable
from scrm.sandbox import onboarding, play
from scrm.sandbox.models import Message, Number, Person
from scrm.sandbox.story.dialogues import dialogues_for, spoken
from scrm.sandbox.story.orders import has_order_under_way, orders_for
from scrm.sandbox.story.speech import Turn
from scrm.staff.models import User

NAME = "sandbox story"
NUMBER_OF = {"HK": "sandbox-hk", "SG": "sandbox-hk", "TW": "sandbox-tw", "JP": "sandbox-jp"}
PICTURES = {
    "broken_pump": "damaged",
    "leaking_bottle": "damaged",
    "wrong_colour": "parcel",
    "dented_box": "parcel",
    "receipt": "receipt",
    "product_shelf": "serum",
}
LONGEST_WAIT = 180.0
# Questions that come in at the end, when the rules are switched on, so that an automatic answer can be seen at once.
LIVE = (
    ("JP", "注文した商品はいつ届きますか？"),
    ("HK", "我個包裹到咗邊呀？"),
    ("TW", "請問我的訂單出貨了嗎？"),
    ("SG", "Hi, where is my parcel?"),
)

KeepGoing = Callable[[], bool]


class Interrupted(Exception):
    """Told to stop; the next start goes on from here."""


@dataclass(frozen=True)
class Chapter:
    """One customer's conversation of today."""

    person: Person
    number: Number
    turns: list[Turn]
    began_at: datetime

    def at(self, turn: Turn) -> datetime:
        return self.began_at + timedelta(minutes=turn[0])


def is_told() -> bool:
    return Timetable.objects.filter(name=NAME, finished_at__isnull=False).exists()


def tell(*, pause: KeepGoing = lambda: False, say: Callable[[str], None] = print) -> int:
    """Tell what is missing of the story. `pause` is called while waiting and answers True to break off."""
    row, _ = Timetable.objects.get_or_create(name=NAME, defaults={"started_at": clock.now()})
    now = _first_time()
    onboarding.ensure_orders(now)
    onboarding.ensure_known()
    chapters = list(_chapters(now))
    longest = max(len(chapter.turns) for chapter in chapters)
    for step in range(longest):
        say(f"  {step + 1}/{longest}: {sum(len(chapter.turns) > step for chapter in chapters)} conversations speak")
        _speak(chapters, step, pause)
    _set_phone_times(chapters)
    _close_settled(chapters)
    onboarding.switch_rules_on()
    _speak_live()
    _give_live_to_teams(pause)
    Timetable.objects.filter(pk=row.pk).update(finished_at=clock.now())
    return len(chapters)


def _first_time() -> datetime:
    """The moment at which the story was begun: what makes its times the same when it is taken up again."""
    file = Path(settings.VAR_DIR) / "sandbox_story"
    if not file.exists():
        file.write_text(timezone.now().replace(microsecond=0).isoformat())
    return parse_datetime(file.read_text().strip()) or timezone.now()


def _chapters(now: datetime) -> Iterator[Chapter]:
    """One conversation for most people, each dialogue told once, spread over the last nine hours."""
    numbers = {number.slug: number for number in Number.objects.all()}
    used: set[str] = set()
    fresh = _fresh_people()
    for place, person in enumerate(Person.objects.exclude(pk__in=[person.pk for person in fresh.values()]).order_by("pk")):
        orders = orders_for(person.user_id, person.country, now)
        dialogue = next((d for d in dialogues_for(person.country, orders) if d.key not in used), None)
        if dialogue is None:
            continue
        used.add(dialogue.key)
        turns = spoken(dialogue, orders)
        length = timedelta(minutes=turns[-1][0])
        ended = now - timedelta(minutes=4 + (place * 37) % 540)
        yield Chapter(person, numbers[NUMBER_OF[person.country]], turns, ended - length)


def _speak(chapters: list[Chapter], step: int, pause: KeepGoing) -> None:
    speaking = [chapter for chapter in chapters if len(chapter.turns) > step]
    for chapter in speaking:
        if chapter.turns[step][1] == "customer":
            _say(chapter, chapter.turns[step])
    _wait_until_stored(speaking, pause)
    for chapter in speaking:
        if chapter.turns[step][1] == "agent":
            _answer(chapter, step)
    jobs.wake("outbox")


def _say(chapter: Chapter, turn: Turn) -> None:
    at, what = chapter.at(turn), turn[2]
    if Message.objects.filter(person=chapter.person, number=chapter.number, inbound=True, sent_at=at).exists():
        return
    if isinstance(what, str):
        play.say(chapter.person, chapter.number, text=what, sent_at=at)
    elif "image" in what:
        picture = Path(__file__).parent / "static" / "sandbox" / "samples" / f"{PICTURES[what['image']]}.jpg"
        play.send_image(chapter.person, chapter.number, content=picture.read_bytes(), caption=what.get("caption", ""), sent_at=at)
    else:
        play.share_location(chapter.person, chapter.number, sent_at=at, **what["location"])


def _wait_until_stored(chapters: list[Chapter], pause: KeepGoing) -> None:
    """Agents answer what has arrived; three minutes are far more than the pipeline needs."""
    wanted = set(Message.objects.filter(inbound=True, person__in=[chapter.person for chapter in chapters]).values_list("wamid", flat=True))
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline:
        if pause():
            raise Interrupted
        wanted -= set(Stored.objects.filter(external_id__in=wanted).values_list("external_id", flat=True))
        if not wanted:
            return
        time.sleep(0.1)
    raise RuntimeError(
        f"{len(wanted)} of the story's messages did not come through the pipeline within {LONGEST_WAIT:.0f} s; see /admin/ledger/"
    )


def _conversation(chapter: Chapter) -> Conversation | None:
    connection = chapter.number.slug
    kind, value = ("whatsapp", chapter.person.phone) if chapter.person.phone else ("whatsapp_user", chapter.person.user_id)
    return Conversation.objects.filter(connection__slug=connection, identity__kind=kind, identity__value=value).order_by("-id").first()


def _answer(chapter: Chapter, step: int) -> None:
    conversation, turn = _conversation(chapter), chapter.turns[step]
    if conversation is None:
        return
    agent = User.objects.get(username=onboarding.AGENT_OF[chapter.number.slug])
    with clock.frozen(chapter.at(turn)):
        services.queue_message(
            conversation, text=str(turn[2]), source="agent", by=agent, idempotency_key=f"story:{chapter.person.user_id}:{step}"
        )


def _set_phone_times(chapters: list[Chapter]) -> None:
    """The customers' phones show the agents' answers when they were given, not when the story was told."""
    for _ in range(100):
        open_ = Stored.objects.filter(idempotency_key__startswith="story:", state__in=["queued", "claimed", "sending"]).exists()
        if not open_:
            break
        time.sleep(0.1)
    for external_id, at in (
        Stored.objects.filter(idempotency_key__startswith="story:").exclude(external_id="").values_list("external_id", "sent_at")
    ):
        Message.objects.filter(wamid=external_id).update(sent_at=at)


def _fresh_people() -> dict[str, Person]:
    """In each country one customer with an order under way who has not written yet."""
    people = {}
    for country in dict(LIVE):
        customers = Person.objects.filter(country=country).exclude(phone=None).order_by("-pk")
        people[country] = next((p for p in customers if has_order_under_way(orders_for(p.user_id, country, timezone.now()))), customers[0])
    return people


def _close_settled(chapters: list[Chapter]) -> None:
    """Agents have closed most of what ended more than an hour ago, and handed the rest back: whoever is played next meets the rules.

    What ended with the customer's own last words, a "thank you" or "I'll think about it", is closed, too: no answer is owed there, and
    nothing that was told of the past may stand as overdue on a newcomer's first page.
    """
    for place, chapter in enumerate(chapters):
        ended = chapter.at(chapter.turns[-1])
        conversation = _conversation(chapter)
        if conversation is None or conversation.status == "closed" or not any(turn[1] == "agent" for turn in chapter.turns):
            continue
        agent = User.objects.get(username=onboarding.AGENT_OF[chapter.number.slug])
        last_words = chapter.turns[-1][1] == "customer"
        if not last_words and (place % 4 == 3 or clock.now() - ended < timedelta(hours=1)):
            services.hand_back(conversation, by=agent)
        else:
            with clock.frozen(ended + timedelta(minutes=3)):
                services.close(conversation, by=agent)


def _speak_live() -> None:
    people = _fresh_people()
    for country, text in LIVE:
        number = NUMBER_OF[country]
        if not Message.objects.filter(person=people[country], number__slug=number, inbound=True).exists():
            play.say(people[country], number, text=text)


def _give_live_to_teams(pause: KeepGoing) -> None:
    """The live questions lie with the sandbox's teams, which have a working day to answer: time to look around first."""
    people = _fresh_people()
    wanted = {NUMBER_OF[country]: onboarding.team_of(NUMBER_OF[country]) for country in dict(LIVE)}
    waiting = {(people[country].phone, NUMBER_OF[country]) for country in dict(LIVE)}
    deadline = time.monotonic() + LONGEST_WAIT
    while waiting and time.monotonic() < deadline and not pause():
        for phone, number in list(waiting):
            rows = Conversation.objects.exclude(status="closed").filter(connection__slug=number, identity__kind="whatsapp")
            conversation = rows.filter(identity__value=phone).first()
            team = wanted[number]
            if conversation is not None and team is not None:
                agent = User.objects.get(username=onboarding.AGENT_OF[number])
                routing.transfer(conversation, team=team, by=agent)
                waiting.discard((phone, number))
        time.sleep(0.2)


def summary() -> dict[str, Any]:
    return {"conversations": Conversation.objects.count(), "messages": Stored.objects.count()}
