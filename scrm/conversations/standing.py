"""The facts that the law needs about people, and the slots that messages take under it.

Everything here runs inside a transaction that holds the locks of the people concerned (`contacts.services.lock_person`), so that check
and act are one step. Slots live on identities and are counted over all identities of the person: neither parallel workers, nor a
merge, nor a second number can exceed or reset a limit.

A group of messages is judged together: the facts are read once, every slot that is taken counts for those judged after it, and
`settle` writes them all. What several people share (the day's quota, the messaging limit) is checked again by the write itself;
when it does not fit, `settle` says so and the caller takes the messages one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import F, QuerySet

from scrm.connections.models import Connection
from scrm.connections.services import capabilities_of
from scrm.contacts.models import Identity
from scrm.conversations import causes, reach
from scrm.conversations.models import Conversation, Message, MessageTemplate, Pace, Quota, Reservation
from scrm.conversations.policy import LOOKBACK, Candidate, Facts, Limits, Sent, Verdict, content_hash, decide, speaks_first
from scrm.conversations.template_states import code_of, key_of, verdict_on
from scrm.core.rows import insert_all, insert_new, select, update_many
from scrm.core.zones import business_day

# Long enough back to know what was borrowed from the pair limit: twice the time in which all of it is paid back.
PAIR_LOOKBACK = timedelta(minutes=9)
DAY = timedelta(hours=24)


def limits_of(connection: Connection, now: datetime | None = None) -> Limits:
    """What bounds this connection: the product's figures, its own, and its platform's."""
    policy = settings.POLICY
    enterprise = connection.tier == Connection.Tier.ENTERPRISE
    tier_cap = policy["daily_cap_enterprise" if enterprise else "daily_cap_standard"]
    capabilities = capabilities_of(connection)
    weekday = connection.promotion_weekday
    facts = connection.facts or {}
    return Limits(
        daily_cap=connection.daily_cap if connection.daily_cap is not None else tier_cap,
        time_zone=connection.time_zone,
        quiet_from=connection.quiet_from,
        quiet_to=connection.quiet_to,
        same_content=policy["same_content_per_month"],
        notice_gap=timedelta(hours=policy["service_notice_gap_hours"]),
        has_window=capabilities.window is not None,
        promotion_weekday=weekday if weekday is not None else policy["promotion_weekday"],
        promotion_from=connection.promotion_from or time(policy["promotion_hour"]),
        pair=capabilities.pair,
        reach_cap=_bound(facts.get("messaging_limit")),
        warm_up_cap=_warm_up_cap(connection, now),
        month_cap=_bound(facts.get("quota_limit")),
    )


def _bound(value: Any) -> int | None:
    """A limit that the platform stated, as a number or in digits; -1 and words mean none."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _warm_up_cap(connection: Connection, now: datetime | None) -> int | None:
    if connection.warm_up_from is None or now is None:
        return None
    from scrm.conversations import warmup

    return warmup.cap_for(connection, business_day(now, connection.time_zone))


def candidate_of(message: Message) -> Candidate:
    return Candidate(
        source=message.source,
        category=message.category,
        template=message.kind == "template",
        content_hash=content_hash(message.kind, message.text, message.content),
        event_key=message.event_key,
    )


# What of a reservation is written anew when its message is judged again.
_RENEWED = (
    "identity", "connection", "template", "category", "content_hash", "event_key", "reserved_at", "quota_day", "released", "spoke_first",
)  # fmt: skip


class Slot(NamedTuple):
    """A reservation as it is read: what it counts for, and whose it is."""

    message_id: int | None
    identity_id: int
    connection_id: int
    reserved_at: datetime
    template: bool
    category: str
    content_hash: str
    event_key: str
    spoke_first: bool
    pk: int | None = None


_IDENTITY = tuple(field.attname for field in Identity._meta.concrete_fields)
_SLOT = Slot._fields


def _columns(alias: str, model: type[Any], names: Sequence[str]) -> str:
    return ", ".join(f'{alias}."{_field(model, name).column}"' for name in names)


def _field(model: type[Any], name: str) -> Any:
    """The field of a model by its name, or by that of its column."""
    return model._meta.pk if name == "pk" else next(f for f in model._meta.concrete_fields if name in {f.name, f.attname})


def _table(model: type[Any]) -> str:
    return f'"{model._meta.db_table}"'


_PEOPLE = (
    f"SELECT {_columns('i', Identity, _IDENTITY)}, {_columns('r', Reservation, _SLOT)} FROM {_table(Identity)} i "  # noqa: S608 - names of the models
    f"LEFT JOIN {_table(Reservation)} r ON r.identity_id = i.id AND NOT r.released AND r.reserved_at > %s "
    "WHERE i.contact_id IN %s ORDER BY i.id"
)
_PEOPLE_FIELDS = [*Identity._meta.concrete_fields, *(_field(Reservation, name) for name in _SLOT)]
_NUMBERS = (
    f"SELECT c.id, q.day, q.used, p.promotions, p.reason, p.promotions_wait_until FROM {_table(Connection)} c "  # noqa: S608 - names of the models
    f"LEFT JOIN {_table(Quota)} q ON q.connection_id = c.id AND q.day IN %s "
    f"LEFT JOIN {_table(Pace)} p ON p.connection_id = c.id WHERE c.id IN %s"
)
_NUMBERS_FIELDS = [
    _field(model, name)
    for model, name in (
        (Connection, "pk"), (Quota, "day"), (Quota, "used"), (Pace, "promotions"), (Pace, "reason"), (Pace, "promotions_wait_until"),
    )
]  # fmt: skip


@dataclass(slots=True)
class _Taken:
    """A slot taken while judging, to be written by `settle`."""

    message: Message
    conversation: Conversation
    candidate: Candidate
    spoke_first: bool
    supersedes: Slot | None = None


@dataclass(slots=True)
class _Reaches:
    """Where the people of one connection are counted: (key, cap) of the platform's limit and of the plan."""

    limit: tuple[str, int] | None
    warm_up: tuple[str, int] | None
    relatives: frozenset[int] = field(default_factory=frozenset)


class Standing:
    """What is known of the people behind some conversations at `now`. `messages`: those that have a row, whose own slots must not count."""

    def __init__(
        self, conversations: Iterable[Conversation], now: datetime, messages: Sequence[Message] = (), *, templates: bool = True
    ) -> None:
        self.now = now
        chats = list(conversations)
        self._connections = {chat.connection_id: chat.connection for chat in chats}
        self._limits = {pk: limits_of(connection, now) for pk, connection in self._connections.items()}
        self._days = {pk: business_day(now, connection.time_zone) for pk, connection in self._connections.items()}
        self._read_people({chat.identity.contact_id for chat in chats})
        self._read_around(messages, templates)
        self._causes = causes.standing(message.cause for message in messages)
        self._taken: list[_Taken] = []
        self._reaches = {pk: self._reaches_of(connection) for pk, connection in self._connections.items()}
        self._read_counts(set(self._days.values()))

    def _read_people(self, contact_ids: set[int]) -> None:
        """Identities with the slots of the last 30 days in one query: a decision is asked for while somebody waits."""
        self.identities: dict[int, list[Identity]] = {pk: [] for pk in contact_ids}
        self._slots: dict[int, list[Slot]] = {pk: [] for pk in contact_ids}
        width, last = len(_IDENTITY), None
        for row in select(_PEOPLE, [self.now - LOOKBACK, sorted(contact_ids)], _PEOPLE_FIELDS):
            if last is None or last.pk != row[0]:
                last = Identity.from_db(None, _IDENTITY, row[:width])
                self.identities[last.contact_id].append(last)
            if row[-1] is not None:
                self._slots[last.contact_id].append(Slot(*row[width:]))

    def _read_around(self, messages: Sequence[Message], templates: bool) -> None:
        """The slots that the messages hold themselves, and their templates."""
        self._own = {row.message_id: row for row in Reservation.objects.filter(message__in=[m.pk for m in messages])} if messages else {}
        self._templates: dict[tuple[int, str, str], MessageTemplate] = {}
        self.know_templates(messages if templates else ())

    def know_templates(self, messages: Sequence[Message]) -> None:
        """Read the templates of these messages too."""
        if any(message.kind == "template" for message in messages):
            self._know(self._templates_of(messages))

    def _templates_of(self, messages: Sequence[Message]) -> QuerySet[MessageTemplate]:
        names = {message.content.get("name", "") for message in messages if message.kind == "template"}
        return MessageTemplate.objects.filter(connection__in=self._connections, name__in=names)

    def _know(self, templates: Iterable[MessageTemplate]) -> None:
        self._templates |= {(row.connection_id, row.name, row.language.replace("-", "_")): row for row in templates}

    def _reaches_of(self, connection: Connection) -> _Reaches:
        limits = self._limits[connection.pk]
        limit = (reach.portfolio_key(connection), limits.reach_cap) if limits.reach_cap is not None else None
        warm_up = (reach.number_key(connection), limits.warm_up_cap) if limits.warm_up_cap is not None else None
        if limit and warm_up and limit[0] == warm_up[0]:
            limit, warm_up = (limit[0], min(limit[1], warm_up[1])), None
        relatives = {connection.pk}
        if limit and connection.portfolio:
            relatives |= self._relatives(connection.portfolio)
        return _Reaches(limit, warm_up, frozenset(relatives))

    def _relatives(self, portfolio: str) -> set[int]:
        return set(Connection.objects.filter(portfolio=portfolio).values_list("pk", flat=True))

    def _read_counts(self, days: set[date]) -> None:
        """What is shared with other people: read when the group is begun, checked again when it is written."""
        self._booked: dict[tuple[int, date], int] = {}
        self._pace: dict[int, tuple[bool, str, datetime | None]] = {}
        for number, day, used, promotions, reason, wait_until in select(
            _NUMBERS, [sorted(day.isoformat() for day in days), sorted(self._connections)], _NUMBERS_FIELDS
        ):
            if day is not None:
                self._booked[number, day] = used
            if promotions is not None:
                self._pace[number] = (promotions, reason, wait_until)
        self._used = Counter({pk: self._booked.get((pk, day), 0) for pk, day in self._days.items()})
        keys = {pair[0] for each in self._reaches.values() for pair in (each.limit, each.warm_up) if pair}
        self._buckets = reach.buckets(keys) if keys else {}
        self._reached = {key: reach.reached(counts, self.now) for key, counts in self._buckets.items()}
        self._more_reached: Counter[str] = Counter()

    def identity_of(self, conversation: Conversation) -> Identity:
        """The address of a conversation as it stands now; the given one when it belongs to nobody here."""
        known = self.identities.get(conversation.identity.contact_id, ())
        return next((identity for identity in known if identity.pk == conversation.identity_id), conversation.identity)

    def limits(self, connection_id: int) -> Limits:
        return self._limits[connection_id]

    def judge(self, message: Message, conversation: Conversation) -> Verdict:
        """The law's answer for one message, with everything that was taken before it."""
        return decide(candidate_of(message), self.facts(conversation, message), self._limits[conversation.connection_id], self.now)

    def facts(self, conversation: Conversation, message: Message | None = None) -> Facts:
        """What is known of the person behind a conversation. The own slot of `message` is left out."""
        contact_id, number = conversation.identity.contact_id, conversation.connection_id
        people, address = self.identities[contact_id], self.identity_of(conversation)
        leaving_out = message.pk if message is not None else None
        pair_since = self.now - PAIR_LOOKBACK
        slots = [slot for slot in self._slots[contact_id] if leaving_out is None or slot.message_id != leaving_out]
        sent = [
            Sent(
                slot.reserved_at,
                slot.template,
                slot.category,
                slot.content_hash,
                slot.event_key,
                slot.reserved_at > pair_since and slot.identity_id == conversation.identity_id and slot.connection_id == number,
            )
            for slot in slots
        ]
        own = self._own.get(leaving_out) if leaving_out is not None else None
        own_today = own is not None and not own.released and own.connection_id == number and own.quota_day == self._days[number]
        facts = Facts(
            window_expires_at=conversation.window_expires_at,
            last_inbound_at=conversation.last_inbound_at,
            opted_out_at=_latest(i.opted_out_at for i in people),
            marketing_opted_out_at=_latest(i.marketing_opted_out_at for i in people),
            marketing_opt_in_at=None if any(i.marketing_opted_out_at for i in people) else _latest(i.marketing_opt_in_at for i in people),
            paused_until=conversation.automation_paused_until,
            sent=sent,
            used_today=self._used[number] - int(own_today),
            unreachable=(address.unreachable_reason or "unknown") if address.unreachable_since else "",
            marketing_wait_until=_latest(i.marketing_wait_until for i in people),
            pair_wait_until=address.pair_wait_until,
            **self._cause_facts(message),
            used_this_month=_bound((conversation.connection.facts or {}).get("quota_used")) or 0,
            **self._pace_facts(number),
            **self._template_facts(message),
        )
        return self._with_reach(facts, conversation, slots, own)

    def _pace_facts(self, number: int) -> dict[str, Any]:
        promotions, reason, wait_until = self._pace.get(number, (True, "", None))
        return {"promotions_stopped": "" if promotions else reason or "quality", "promotions_wait_until": wait_until}

    def _cause_facts(self, message: Message | None) -> dict[str, Any]:
        cause = self._causes.get(message.cause) if message is not None else None
        return {cause.state: cause.reason} if cause is not None else {}

    def _template_facts(self, message: Message | None) -> dict[str, Any]:
        if message is None or message.kind != "template":
            return {}
        # Templates that were never read from the platform are left to its own answer.
        known = self._templates.get(key_of(message.connection_id, message.content))
        if known is None:
            return {}
        state = verdict_on(known.status, message.category)
        return (
            {"template_state": state, "template_reason": known.reason or known.status, "template_code": code_of(known.status)}
            if state
            else {}
        )

    def _with_reach(self, facts: Facts, conversation: Conversation, slots: Sequence[Slot], own: Reservation | None) -> Facts:
        reaches = self._reaches[conversation.connection_id]
        if reaches.limit is None and reaches.warm_up is None:
            return facts
        counted = int(own is not None and not own.released and own.spoke_first and own.reserved_at > self.now - DAY)
        known = {
            name: self._reached.get(pair[0], reach.Reached())
            for name, pair in (("limit", reaches.limit), ("warm_up", reaches.warm_up))
            if pair
        }
        more = {
            name: self._more_reached[pair[0]] - counted for name, pair in (("limit", reaches.limit), ("warm_up", reaches.warm_up)) if pair
        }
        limit, warm_up = known.get("limit", reach.Reached()), known.get("warm_up", reach.Reached())
        return replace(
            facts,
            spoken_to=self._spoken_to(conversation, slots) is not None,
            reached=limit.people + more.get("limit", 0),
            reach_frees_at=limit.frees_at,
            warmed_up=warm_up.people + more.get("warm_up", 0),
            warm_up_frees_at=warm_up.frees_at,
        )

    def _spoken_to(self, conversation: Conversation, slots: Sequence[Slot]) -> Slot | None:
        """The slot under which this person is among those reached today already."""
        relatives = self._reaches[conversation.connection_id].relatives
        return next(
            (s for s in slots if s.spoke_first and s.reserved_at > self.now - DAY and s.connection_id in relatives),
            None,
        )

    def take(self, message: Message, conversation: Conversation) -> None:
        """The message goes: it counts for everything judged after it, and `settle` writes its slot."""
        candidate = candidate_of(message)
        number = conversation.connection_id
        slots = self._slots[conversation.identity.contact_id]
        own = self._own.get(message.pk) if message.pk is not None else None
        first = self._counts_as_first(candidate, conversation)
        others = [slot for slot in slots if message.pk is None or slot.message_id != message.pk]
        superseded = self._spoken_to(conversation, others) if first else None
        self._taken.append(_Taken(message, conversation, candidate, first, superseded))
        if superseded is not None:
            slots[slots.index(superseded)] = superseded._replace(spoke_first=False)
        if own is None or own.released or own.quota_day != self._days[number]:
            self._used[number] += 1
        if first and superseded is None and not (own and own.spoke_first and not own.released):
            reaches = self._reaches[number]
            self._more_reached.update(pair[0] for pair in (reaches.limit, reaches.warm_up) if pair)
        if own is None or own.released:
            slots.append(
                Slot(
                    message.pk, conversation.identity_id, number, self.now, candidate.template, candidate.category,
                    candidate.content_hash, candidate.event_key, first,
                )
            )  # fmt: skip

    def _counts_as_first(self, candidate: Candidate, conversation: Conversation) -> bool:
        facts = Facts(window_expires_at=conversation.window_expires_at)
        return speaks_first(candidate, facts, self._limits[conversation.connection_id], self.now)

    def settle(self) -> bool:
        """Write every slot that was taken. False when a shared limit was reached meanwhile: undo the transaction and take them singly."""
        if not self._settle_quotas() or not self._settle_reach():
            return False
        new, renewed = [], []
        for taken in self._taken:
            row = self._own.get(taken.message.pk)
            if row is None:
                new.append(self._row(taken))
            else:
                renewed.append(self._renew(row, taken))
        insert_all(Reservation, new)
        if renewed:
            update_many(Reservation, renewed, _RENEWED)
        superseded = [taken.supersedes.pk for taken in self._taken if taken.supersedes is not None and taken.supersedes.pk]
        if superseded:
            Reservation.objects.filter(pk__in=superseded).update(spoke_first=False)
        return True

    def _row(self, taken: _Taken) -> Reservation:
        return self._renew(Reservation(message=taken.message), taken)

    def _renew(self, row: Reservation, taken: _Taken) -> Reservation:
        candidate, conversation = taken.candidate, taken.conversation
        row.identity_id, row.connection_id = conversation.identity_id, conversation.connection_id
        row.template, row.category = candidate.template, candidate.category
        row.content_hash, row.event_key = candidate.content_hash, candidate.event_key
        row.reserved_at, row.quota_day, row.released = self.now, self._days[conversation.connection_id], False
        row.spoke_first = taken.spoke_first
        return row

    def _settle_quotas(self) -> bool:
        wanted: Counter[int] = Counter()
        moved: list[tuple[int, date]] = []
        for taken in self._taken:
            number = taken.conversation.connection_id
            own = self._own.get(taken.message.pk)
            if own is not None and not own.released and own.quota_day == self._days[number] and own.connection_id == number:
                continue
            wanted[number] += 1
            if own is not None and not own.released:
                moved.append((own.connection_id, own.quota_day))
        for number in sorted(wanted):
            if not take_quota(self._connections[number], self._days[number], self._limits[number].daily_cap, wanted[number]):
                return False
        for connection_id, day in sorted(moved):
            give_back_quota(connection_id, day)
        return True

    def _settle_reach(self) -> bool:
        moves: dict[tuple[str, int], Counter[int]] = {}
        for taken in self._taken:
            reaches = self._reaches[taken.conversation.connection_id]
            own = self._own.get(taken.message.pk)
            pairs = [pair for pair in (reaches.limit, reaches.warm_up) if pair]
            for pair in pairs:
                counts = moves.setdefault(pair, Counter())
                if taken.spoke_first:
                    counts[reach.bucket_of(self.now)] += 1
                if taken.supersedes is not None:
                    counts[reach.bucket_of(taken.supersedes.reserved_at)] -= 1
                if own is not None and not own.released and own.spoke_first:
                    counts[reach.bucket_of(own.reserved_at)] -= 1
        return all(reach.change(key, cap, counts, self.now) for (key, cap), counts in sorted(moves.items()) if any(counts.values()))


def facts_of(conversation: Conversation, now: datetime, *, leaving_out: int | None = None) -> Facts:
    """What is known of the person behind one conversation. `leaving_out`: the message whose own slot must not count against it."""
    messages = list(Message.objects.filter(pk=leaving_out)) if leaving_out is not None else []
    return Standing([conversation], now, messages).facts(conversation, messages[0] if messages else None)


def _latest(stamps: Iterable[datetime | None]) -> datetime | None:
    return max((stamp for stamp in stamps if stamp is not None), default=None)


def used_today(connection: Connection, now: datetime) -> int:
    day = business_day(now, connection.time_zone)
    return Quota.objects.filter(connection=connection, day=day).values_list("used", flat=True).first() or 0


def take_quota(connection: Connection, day: date, cap: int, count: int = 1) -> bool:
    """Count messages of the day; False, and nothing counted, when they do not fit below the cap, whoever else is counting."""
    row = Quota.objects.filter(connection=connection, day=day)
    if _add(row, cap, count):
        return True
    insert_new(Quota, [Quota(connection=connection, day=day, used=0, cap=max(cap, 0))], key="day")
    row.exclude(cap=cap).filter(used__lte=cap).update(cap=cap)
    return _add(row, cap, count)


def _add(row: Any, cap: int, count: int) -> bool:
    return bool(row.filter(used__lte=F("cap") - count, cap=cap).update(used=F("used") + count))


def give_back_quota(connection_id: int, day: date) -> None:
    Quota.objects.filter(connection_id=connection_id, day=day, used__gt=0).update(used=F("used") - 1)


def release(message: Message) -> None:
    """Give the slot back: only when the message is proven not to have gone."""
    held = Reservation.objects.select_related("connection", "identity").filter(message=message, released=False).first()
    if held is None or not Reservation.objects.filter(pk=held.pk, released=False).update(released=True):
        return
    give_back_quota(held.connection_id, held.quota_day)
    if held.spoke_first and not _spoke_first_otherwise(held):
        keys = {reach.portfolio_key(held.connection), reach.number_key(held.connection)}
        for key in sorted(keys):
            reach.give_back(key, held.reserved_at)


def _spoke_first_otherwise(held: Reservation) -> bool:
    """Another template of the last day went to the same person: then the count stays, for one of them did reach them."""
    since = held.reserved_at - DAY
    others = Reservation.objects.filter(
        identity__contact_id=held.identity.contact_id, released=False, template=True, reserved_at__gt=since
    ).exclude(pk=held.pk)
    return others.exists()
