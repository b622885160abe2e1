"""A machine that does to the product whatever Hypothesis thinks of, and looks at every promise after every step.

Customers write, their platform repeats and reorders, tells of statuses early, late and twice; workers claim, work, stall and die with
what they hold; time passes; people opt out and in, agents answer, take over, send again and replay. The platform here keeps its own
record, and the model beside it knows what was promised; both outlive whatever the product does.

    K1  what was acknowledged is stored once, when all is done
    K2  the platform got no reference twice, except one that a person sent again under a new one
    K3  the platform got nothing that the ledger of decisions did not allow
    K4  nobody got what the law forbids, computed from the platform's record alone
    K5  a thread stands in the order in which it was written
    K6  nothing is on its way longer than it may be
    K7  the sums add up, and every message that left or was refused has its decision
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from connectors.contracts import OutboundMessage, Receipt
from connectors.errors import OutcomeUnknown, Rejected, TryLater
from scrm.conversations import outbox, services, statuses
from scrm.conversations.models import Conversation, Decision, Message, OrphanStatus
from scrm.conversations.services import RefusedState
from scrm.conversations.states import RANK
from scrm.core import clock, jobs
from scrm.intake import ledger, pipeline
from scrm.intake.models import InboundEvent, InboundItem
from tests.people import agent, body, hong_kong, post, status, text_message, wamid

BEGIN = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)
PHONES = ("85291234567", "85291234568", "85298765432")
SOURCES = ("agent", "api", "rule", "campaign")
WINDOW = timedelta(hours=24)
# Longer than any lease, wait or back-off of the product without an open breaker.
ALL_OVER = timedelta(minutes=40)


@dataclass
class Sent:
    reference: str
    phone: str
    at: datetime
    content: str


@dataclass
class Platform:
    """Its own record of what it accepted, and the answer that it gives next."""

    accepted: list[Sent] = field(default_factory=list)
    answers: list[Exception] = field(default_factory=list)
    dies: bool = False

    def __call__(self, connection: Any) -> Platform:
        return self

    def __getattr__(self, name: str) -> Any:
        """What else the product asks of a channel: its reading of bodies, its capabilities."""
        return getattr(self._real(), name)

    def _real(self) -> Any:
        from scrm.connections.services import channel_of

        return channel_of(hong_kong())

    def send(self, message: OutboundMessage) -> Receipt:
        answer = self.answers.pop() if self.answers else None
        if isinstance(answer, Rejected | TryLater):
            raise answer
        self.accepted.append(Sent(message.client_ref, message.to.value, clock.now(), str(message.content)))
        if self.dies:
            self.dies = False
            raise Died
        if answer is not None:
            raise answer
        return Receipt(wamid(f"out {message.client_ref}"))


class Died(BaseException):
    """kill -9 of the worker at this place: nothing after it happens, least of all an except clause."""


class Machine(RuleBasedStateMachine):
    """One product in one database. Every example begins with an empty one: the runner sees to it."""

    bodies = Bundle("bodies")
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.platform = Platform()
        self.count = itertools.count(1)
        self.acknowledged: dict[str, tuple[str, datetime]] = {}
        self.heard: dict[str, list[datetime]] = {phone: [] for phone in PHONES}
        self.silent_since: dict[str, datetime] = {}
        self.claimed_bodies: list[list[InboundEvent]] = []
        self.claimed_messages: list[outbox.Claim] = []
        self.told: dict[str, set[str]] = {}
        self._clock: AbstractContextManager[None] | None = clock.frozen(BEGIN)
        self._clock.__enter__()
        self._channel = outbox.channel_of
        outbox.channel_of = self.platform  # type: ignore[assignment]

    def teardown(self) -> None:
        try:
            self.everything_ends()
        finally:
            self.give_back()

    def give_back(self) -> None:
        """The clock and the platform, as they were."""
        if self._clock is not None:
            outbox.channel_of = self._channel
            self._clock.__exit__(None, None, None)
            self._clock = None

    @initialize()
    def a_shop_in_hong_kong(self) -> None:
        hong_kong()
        agent()

    # --- customers and their platform -------------------------------------------------------------------------------

    @rule(target=bodies, phones=st.lists(st.sampled_from(PHONES), min_size=1, max_size=4))
    def write(self, phones: list[str]) -> bytes:
        said = []
        for phone in phones:
            number = next(self.count)
            clock.advance(timedelta(seconds=1))
            said.append(text_message(f"請問有貨嗎 {number}", phone=phone, id=wamid(f"in {number}"), at=clock.now()))
        return self._posted(said)

    @rule(target=bodies, phone=st.sampled_from(PHONES), word=st.sampled_from(["STOP", "停止", "配信停止"]))
    def opt_out(self, phone: str, word: str) -> bytes:
        clock.advance(timedelta(seconds=1))
        return self._posted([text_message(word, phone=phone, id=wamid(f"stop {next(self.count)}"), at=clock.now())], stop=True)

    def _posted(self, said: list[dict[str, Any]], *, stop: bool = False) -> bytes:
        raw = body(hong_kong(), messages=said)
        assert post(hong_kong(), raw) == 200
        for each in said:
            self.acknowledged[each["id"]] = (each["from"], clock.now())
            self.heard[each["from"]].append(clock.now())
            if stop:
                self.silent_since.setdefault(each["from"], clock.now())
        return raw

    @rule(raw=bodies)
    def repeat(self, raw: bytes) -> None:
        """The platform did not see our answer, or posts what it posted long ago."""
        assert post(hong_kong(), raw) == 200

    @rule(word=st.sampled_from(["sent", "delivered", "read", "failed"]), late=st.integers(0, 90), which=st.integers(0, 5))
    def tell(self, word: str, late: int, which: int) -> None:
        """Of one of the last messages that the platform accepted; possibly before our own note of it."""
        if not self.platform.accepted:
            return
        sent = self.platform.accepted[-1 - which % len(self.platform.accepted)]
        self.told.setdefault(sent.reference, set()).add(word)
        at = max(sent.at, clock.now() - timedelta(seconds=late))
        told = status(wamid(f"out {sent.reference}"), word, at=at, ref=sent.reference, code=131026 if word == "failed" else 0)
        assert post(hong_kong(), body(hong_kong(), statuses=[told])) == 200

    @rule(answer=st.sampled_from(["unknown", "later", "rejected"]))
    def trouble(self, answer: str) -> None:
        """The next send is answered badly: a dropped reply after accepting, an overload, a refusal."""
        made: dict[str, Exception] = {
            "unknown": OutcomeUnknown("The reply was cut off", code="cut"),
            "later": TryLater("Too many messages", after=timedelta(seconds=30), code="130429"),
            "rejected": Rejected("This number is not on WhatsApp", code="131026"),
        }
        self.platform.answers = [made[answer]]

    # --- people -----------------------------------------------------------------------------------------------------

    @rule(
        phone=st.sampled_from(PHONES), source=st.sampled_from(["agent", "api", "rule", "campaign"]), twice=st.booleans(), same=st.booleans()
    )
    def answer(self, phone: str, source: str, twice: bool, same: bool) -> None:
        talk = self._talk(phone)
        if talk is None:
            return
        number = next(self.count)
        key, text = f"answer {number}", "限時優惠" if same else f"有貨 {number}"
        category = "marketing" if source == "campaign" else "service"
        for _ in range(1 + twice):
            by = agent() if source == "agent" else None
            services.queue_message(talk, text=text, category=category, source=source, by=by, idempotency_key=key)

    @rule(which=st.integers(0, 5), what=st.sampled_from(["resend", "give_up", "cancel"]))
    def settle_by_hand(self, which: int, what: str) -> None:
        rows = list(Message.objects.filter(direction="out", state__in=["queued", "unknown", "failed"]).order_by("-id")[:6])
        if not rows:
            return
        with contextlib.suppress(RefusedState):
            getattr(services, what)(rows[which % len(rows)], by=agent())

    @rule()
    def replay(self) -> None:
        ledger.replay(list(InboundItem.objects.filter(state="parked").select_related("event")), by="mei")

    def _talk(self, phone: str) -> Conversation | None:
        return Conversation.objects.filter(identity__value=phone).exclude(status="closed").first()

    # --- workers ----------------------------------------------------------------------------------------------------

    @rule()
    def take_in(self) -> None:
        pipeline.drain()

    @rule()
    def send(self) -> None:
        self._or_die(outbox.send_due)

    @rule()
    def sweep(self) -> None:
        outbox.expire_leases()
        statuses.sweep_orphans()

    @rule()
    def claim_and_stall(self) -> None:
        """A worker takes its share and sleeps; it may wake after its lease, or never."""
        if bodies := pipeline.claim(3):
            self.claimed_bodies.append(bodies)
        self.claimed_messages += outbox.claim(2)

    @rule(bodies_first=st.booleans())
    def wake_late(self, bodies_first: bool) -> None:
        if bodies_first and self.claimed_bodies:
            pipeline.process(self.claimed_bodies.pop(0))
        if self.claimed_messages:
            held = self.claimed_messages.pop(0)
            self._or_die(lambda: outbox.send(held))

    @rule()
    def die_asleep(self) -> None:
        self.claimed_bodies.clear()
        self.claimed_messages.clear()

    @rule()
    def die_between_answer_and_note(self) -> None:
        self.platform.dies = True

    def _or_die(self, work: Any) -> None:
        with contextlib.suppress(Died):
            work()

    @rule(minutes=st.sampled_from([0.2, 1, 2, 16, 60, 6 * 60, 25 * 60, 8 * 24 * 60]))
    def time_passes(self, minutes: float) -> None:
        clock.advance(timedelta(minutes=minutes))

    # --- promises ---------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        counts = Counter(sent.reference for sent in self.platform.accepted)
        assert not [reference for reference, count in counts.items() if count > 1], "K2"

    @invariant()
    def nothing_is_sent_without_leave(self) -> None:
        for sent in self.platform.accepted[-3:]:
            pk = int(sent.reference[1:].partition(".")[0])
            assert Decision.objects.filter(message=pk, moment="send", verdict="allow").exists(), "K3"

    @invariant()
    def the_law_is_kept(self) -> None:
        """Text goes only within 24 hours of the customer's last message, and to nobody who said stop; the same words 5 times at most."""
        for sent in self.platform.accepted[-3:]:
            assert any(heard <= sent.at < heard + WINDOW for heard in self.heard[sent.phone]), "K4: outside the window"
        words = {(sent.phone, sent.content) for sent in self.platform.accepted if "限時優惠" in sent.content}
        for phone, content in words:
            at = sorted(sent.at for sent in self.platform.accepted if (sent.phone, sent.content) == (phone, content))
            for early, late in zip(at, at[5:], strict=False):
                assert late - early > timedelta(days=28) or self._by_people(phone, content) > 0, "K4: the same words a sixth time"

    def _by_people(self, phone: str, content: str) -> int:
        return Message.objects.filter(source="agent", conversation__identity__value=phone, text="限時優惠").count()

    @invariant()
    def nothing_is_stored_twice(self) -> None:
        ids = Message.objects.filter(direction="in").values_list("external_id", flat=True)
        assert len(ids) == len(set(ids)), "K1"
        assert set(ids) <= set(self.acknowledged), "K1: nobody wrote that"

    @invariant()
    def the_sums_add_up(self) -> None:
        assert all(line.balanced for line in ledger.sums()), "K7"

    @invariant()
    def no_state_is_unknown_to_the_states(self) -> None:
        known = {*RANK, "blocked", "failed", "cancelled", "expired"}
        assert set(Message.objects.filter(direction="out").values_list("state", flat=True)) <= known, "K7"

    def everything_ends(self) -> None:
        """Leases run out, workers do all there is to do, and nothing acknowledged is missing."""
        self.platform.answers, self.platform.dies = [], False
        self.claimed_bodies, self.claimed_messages = [], []
        for _ in range(4):
            clock.advance(ALL_OVER)
            self.sweep()
            jobs.run_everything_due()
        stored = set(Message.objects.filter(direction="in").values_list("external_id", flat=True))
        assert stored == set(self.acknowledged), "K1: acknowledged and not stored"
        assert not InboundEvent.objects.exclude(state="done").exists(), "K6"
        assert not Message.objects.filter(state__in=["claimed", "sending"]).exists(), "K6"
        assert not Message.objects.filter(state="queued", due_at__lte=clock.now() - ALL_OVER).exists(), "K6"
        assert not InboundItem.objects.filter(state="parked").exists(), "K1: parked without a cause"
        assert not OrphanStatus.objects.filter(status__in=["sent"], received_at__lte=clock.now() - timedelta(hours=80)).exists(), "K6"
        self._order_is_kept()
        self._statuses_have_arrived()
        self._opt_outs_are_obeyed()
        left_or_refused = Message.objects.filter(direction="out").exclude(state="cancelled")
        assert not left_or_refused.filter(decisions=None).exists(), "K7: a message without a decision"
        for check in (self.nothing_is_sent_twice, self.the_law_is_kept, self.the_sums_add_up):
            check()

    def _order_is_kept(self) -> None:
        written = list(self.acknowledged)
        for talk in Conversation.objects.all():
            order = list(talk.messages.filter(direction="in").order_by("sent_at", "id").values_list("external_id", flat=True))
            assert order == sorted(order, key=written.index), "K5"

    def _statuses_have_arrived(self) -> None:
        rows = {statuses.client_ref(row): row for row in Message.objects.filter(direction="out")}
        for reference, words in self.told.items():
            row, best = rows[reference], max((RANK.get(word, 0) for word in words), default=0)
            if "failed" in words or row.error_code == "given_up" or row.state in {"failed", "cancelled"}:
                continue
            assert RANK[row.state] >= best, f"K5: {row.state} after {sorted(words)}"

    def _opt_outs_are_obeyed(self) -> None:
        """From the moment at which the word was taken in, nothing automatic leaves; here: nothing that was queued after that."""
        for phone, since in self.silent_since.items():
            heard_by = InboundEvent.objects.filter(received_at=since).order_by("id").first()
            if heard_by is None:
                continue
            late = Message.objects.filter(conversation__identity__value=phone, direction="out", created_at__gt=since + ALL_OVER * 4)
            gone = late.filter(accepted_at__isnull=False).exclude(source="agent")
            after = Message.objects.filter(
                external_id__in=self.acknowledged, conversation__identity__value=phone, text__in=("START", "開始")
            )
            assert after.exists() or not gone.exists(), "K4: told after an opt-out"
