"""The customer beside the chat: addresses, consent, tags with their evidence, orders, other conversations, CRM records, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.text import capfirst

from scrm.automation.models import Run
from scrm.commerce import coupons
from scrm.commerce.models import Coupon, Order, Shipment
from scrm.commerce.orders import orders_of
from scrm.connections.models import Connection
from scrm.console.access import SEE_CASES
from scrm.console.inbox import editing, reasons, upcoming, wording
from scrm.console.timeline import Causes
from scrm.contacts.family import family_of
from scrm.contacts.models import Contact, DuplicateCandidate, Identity
from scrm.conversations.models import Conversation, Decision, Message, Survey
from scrm.conversations.visibility import visible_to
from scrm.core.at_once import lists_of
from scrm.staff.models import User
from scrm.sync.models import ExternalRecord, Kind, SaleState
from scrm.tags.models import TagAssignment

# Tags beside a chat, and parcels of the orders there; whoever has more is shown whole on their own page.
MOST = 100
# Addresses, of which a single one that declined speaks for all.
ADDRESSES = 1_000
ORDERS = 5
COUPONS = 20


@dataclass(frozen=True, slots=True)
class Why:
    """One decision or rule evaluation in words."""

    at: object
    title: str
    verdict: str
    detail: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Somebody who may be the same person; `case`: where that is decided."""

    name: str
    share: int
    case: int | None


@dataclass(frozen=True, slots=True)
class Sale:
    """A deal or a case as a CRM holds it; `removed`: it was deleted over there."""

    state: SaleState
    removed: bool


@dataclass(frozen=True, slots=True)
class Bought:
    """An order and its parcels."""

    order: Order
    shipments: list[Shipment]


@dataclass(frozen=True, slots=True)
class Given:
    """A coupon, its state, who or what gave it, and the message that brought it if the reader may see it."""

    coupon: Coupon
    state: str
    giver: str
    message: Message | None


@dataclass(frozen=True, slots=True)
class Profile:
    contact: Contact
    identities: list[Identity]
    tags: list[TagAssignment]
    orders: list[Bought]
    coupons: list[Given]
    conversations: list[Conversation]
    records: list[ExternalRecord]
    sales: list[Sale]
    why: list[Why]
    upcoming: list[upcoming.Upcoming]
    surveys: list[Survey]
    duplicates: list[Duplicate]
    # What the reader may put on them.
    known_tags: list[str]
    # There are more tags or addresses than these.
    cut: bool

    @property
    def opted_out(self) -> bool:
        return any(identity.opted_out_at for identity in self.identities)

    @property
    def promotions(self) -> str:
        """declined, allowed or unknown: the strictest over all addresses."""
        if any(identity.marketing_opted_out_at for identity in self.identities):
            return "declined"
        return "allowed" if any(identity.marketing_opt_in_at for identity in self.identities) else "unknown"


def profile_of(conversation: Conversation, user: User) -> Profile:
    """The person, and those of their other conversations that the reader may see.

    A statement for all lists, one for the names of what decided, and the forecast of what is to be sent; see the test.
    """
    contact = conversation.identity.contact
    others = visible_to(Conversation.objects.filter(identity__contact=contact), user).exclude(pk=conversation.pk)
    others = others.select_related("connection").defer("connection__secrets")
    orders = orders_of(contact)[:ORDERS]
    decided, evaluated = _why_rows(contact)
    given = coupons.coupons_of(contact).select_related("by")[:COUPONS]
    identities, tags, bought, parcels, chats, records, sales, decisions, runs, planned, queued, surveys, pairs, known, *brought = lists_of(
        [
            contact.identities.filter(valid_to=None).order_by("kind", "pk")[: ADDRESSES + 1],
            _tag_rows(contact)[: MOST + 1],
            orders,
            Shipment.objects.filter(order__in=orders.values("pk")).order_by("pk")[:MOST],
            others.order_by("-last_message_at")[:6],
            _record_rows(contact, [conversation.pk]),
            _sale_rows(contact)[:6],
            decided,
            evaluated,
            *upcoming.rows_of(contact, user),
            _survey_rows(contact, user),
            _pair_rows(contact, user),
            editing.tag_rows(user),
            given,
            _bringing(given, user),
        ]
    )
    codes, bringing = brought
    causes = Causes([*(row.cause for row in decisions), *(row.cause for row in codes)])
    return Profile(
        contact=contact,
        identities=identities[:ADDRESSES],
        tags=_once(tags[:MOST]),
        orders=[Bought(order, [parcel for parcel in parcels if parcel.order_id == order.pk]) for order in bought],
        coupons=_given(codes, bringing, causes),
        conversations=chats,
        records=records,
        sales=[Sale(row, row.removed) for row in sales],
        why=_why(decisions, runs, causes),
        upcoming=upcoming.of_rows([*planned, *queued]),
        surveys=surveys,
        duplicates=_duplicates(contact, pairs),
        known_tags=[tag.name for tag in known],
        cut=len(identities) > ADDRESSES or len(tags) > MOST,
    )


def _bringing(given: QuerySet[Coupon], user: User) -> QuerySet[Message]:
    """The messages that brought them, of conversations that the reader may see."""
    rows = visible_to(Message.objects.filter(pk__in=given.values("message_pk")), user)
    return rows.only("pk", "conversation_id").order_by("pk")[:COUPONS]


def _given(rows: Sequence[Coupon], bringing: Sequence[Message], causes: Causes) -> list[Given]:
    seen = {message.pk: message for message in bringing}
    found = []
    for row in coupons.once(rows):
        giver = causes.words(row.cause) if row.cause else str(row.by or "")
        found.append(Given(row, coupons.state_of(row), giver, seen.get(row.message_pk or 0)))
    return found


def _pair_rows(contact: Contact, user: User) -> QuerySet[DuplicateCandidate]:
    """Who may be the same person and is not decided yet, the likeliest first; nobody for a reader who sees no such cases."""
    pairs = DuplicateCandidate.objects.asked().filter(Q(first=contact) | Q(second=contact))
    seen = visible_to(pairs, user) if user.has_perm(SEE_CASES) else pairs.none()
    return seen.select_related("first", "second").order_by("-score")[:3]


def _duplicates(contact: Contact, pairs: Iterable[DuplicateCandidate]) -> list[Duplicate]:
    return [Duplicate(str(row.second if row.first_id == contact.pk else row.first), round(row.score * 100), row.case_id) for row in pairs]


def _survey_rows(contact: Contact, user: User) -> QuerySet[Survey]:
    """The person's last answers about conversations that the reader may see, newest first."""
    rows = visible_to(Survey.objects.filter(conversation__identity__contact=contact, state=Survey.State.ANSWERED), user)
    return rows.select_related("agent").order_by("-answered_at")[:3]


def tags_of(contact: Contact) -> list[TagAssignment]:
    """Of all records of the person; a tag that several have is shown once, as it came first."""
    return _once(_tag_rows(contact))


def _tag_rows(contact: Contact) -> QuerySet[TagAssignment]:
    rows = TagAssignment.objects.filter(contact__in=family_of(contact), removed_at=None).select_related("tag", "rule", "by")
    return rows.defer("rule__keywords", "rule__exceptions").order_by("assigned_at", "pk")


def _once(rows: Iterable[TagAssignment]) -> list[TagAssignment]:
    first: dict[int, TagAssignment] = {}
    for row in rows:
        first.setdefault(row.tag_id, row)
    return list(first.values())


def records_of(contact: Contact, conversation_ids: list[int]) -> list[ExternalRecord]:
    """The person's records, and the deals, cases and latest communications of these conversations; keys as `sync.services.Wanted`."""
    return list(_record_rows(contact, conversation_ids).select_related("connection"))


def _record_rows(contact: Contact, conversation_ids: list[int]) -> QuerySet[ExternalRecord]:
    people = [str(pk) for pk in family_of(contact)]
    sales = (Kind.DEAL, Kind.CASE)
    wanted = Q(kind=Kind.CONTACT, key__in=people) | Q(kind__in=sales, key__in=[f"conversation:{pk}" for pk in conversation_ids])
    for pk in conversation_ids[:5]:
        # ';' follows ':', so this is the range of all days of one conversation.
        wanted |= Q(kind=Kind.COMMUNICATION, key__gte=f"{pk}:", key__lt=f"{pk};")
    crms = Connection.objects.filter(kind=Connection.Kind.CRM).values("pk")
    return ExternalRecord.objects.filter(wanted, connection__in=crms).order_by("-synced_at")[:8]


def sales_of(contact: Contact, limit: int = 6) -> list[Sale]:
    """The person's deals and cases as the CRMs hold them, the latest first."""
    return [Sale(row, row.removed) for row in _sale_rows(contact)[:limit]]


def _sale_rows(contact: Contact) -> QuerySet[SaleState, Any]:
    """Each with `removed`."""
    link = ExternalRecord.objects.filter(connection=OuterRef("connection"), kind=OuterRef("kind"), key=OuterRef("key"))
    rows = SaleState.objects.filter(contact__in=family_of(contact)).select_related("connection").defer("connection__secrets")
    return rows.annotate(removed=Exists(link.filter(removed_at__isnull=False))).order_by("-changed_at")


def why_of(contact: Contact, limit: int = 12) -> list[Why]:
    """What the law and the rules said lately, newest first."""
    decisions, runs = lists_of(_why_rows(contact, limit))
    return _why(decisions, runs, Causes(row.cause for row in decisions), limit)


def _why_rows(contact: Contact, limit: int = 12) -> tuple[QuerySet[Decision], QuerySet[Run]]:
    people = family_of(contact)
    decisions = Decision.objects.filter(contact__in=people).order_by("-decided_at")[:limit]
    runs = Run.objects.filter(contact__in=people).select_related("rule").order_by("-evaluated_at")[:limit]
    return decisions, runs


def _why(decisions: Sequence[Decision], runs: Sequence[Run], causes: Causes, limit: int = 12) -> list[Why]:
    rows = chain((_decision(row, causes) for row in decisions), map(_run, runs))
    return sorted(rows, key=lambda why: str(why.at), reverse=True)[:limit]


def _decision(row: Decision, causes: Causes) -> Why:
    refused = row.verdict != Decision.Verdict.ALLOW
    title = reasons.rule_sentence(row.rule) if refused else capfirst(wording.moment_name(row.moment))
    return Why(row.decided_at, title, row.get_verdict_display(), causes.words(row.cause) or wording.asker_name(row.asked_by))


def _run(row: Run) -> Why:
    return Why(row.evaluated_at, row.rule.name, row.get_verdict_display(), "")
