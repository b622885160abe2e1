"""The customer beside the chat: addresses, consent, tags with their evidence, orders, other conversations, CRM records, and why."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from django.db.models import Q
from django.utils.text import capfirst

from scrm.automation.models import Run
from scrm.commerce.models import Order
from scrm.commerce.orders import orders_of
from scrm.connections.models import Connection
from scrm.console.access import SEE_CASES
from scrm.console.inbox import reasons, upcoming, wording
from scrm.console.timeline import Causes
from scrm.contacts.family import family_of
from scrm.contacts.models import Contact, DuplicateCandidate, Identity
from scrm.conversations.models import Conversation, Decision, Survey
from scrm.conversations.visibility import visible_to
from scrm.staff.models import User
from scrm.sync.models import ExternalRecord, Kind, SaleState
from scrm.tags.models import TagAssignment


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
class Profile:
    contact: Contact
    identities: list[Identity]
    tags: list[TagAssignment]
    orders: list[Order]
    conversations: list[Conversation]
    records: list[ExternalRecord]
    sales: list[Sale]
    why: list[Why]
    upcoming: list[upcoming.Upcoming]
    surveys: list[Survey]
    duplicates: list[Duplicate]

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
    """The person, and those of their other conversations that the reader may see."""
    contact = conversation.identity.contact
    others = (
        visible_to(Conversation.objects.all(), user)
        .filter(identity__contact=contact)
        .exclude(pk=conversation.pk)
        .select_related("connection")
    )
    return Profile(
        contact=contact,
        identities=list(contact.identities.filter(valid_to=None).order_by("kind", "pk")),
        tags=tags_of(contact),
        orders=list(orders_of(contact).prefetch_related("shipments")[:5]),
        conversations=list(others.exclude(pk=conversation.pk).order_by("-last_message_at")[:6]),
        records=records_of(contact, [conversation.pk]),
        sales=sales_of(contact),
        why=why_of(contact),
        upcoming=upcoming.of_contact(contact, user),
        surveys=surveys_of(contact, user),
        duplicates=duplicates_of(contact, user) if user.has_perm(SEE_CASES) else [],
    )


def duplicates_of(contact: Contact, user: User) -> list[Duplicate]:
    """Who may be the same person and is not decided yet, the likeliest first."""
    pairs = DuplicateCandidate.objects.asked().filter(Q(first=contact) | Q(second=contact))
    rows = visible_to(pairs, user).select_related("first", "second").order_by("-score")[:3]
    return [Duplicate(str(row.second if row.first_id == contact.pk else row.first), round(row.score * 100), row.case_id) for row in rows]


def surveys_of(contact: Contact, user: User) -> list[Survey]:
    """The person's last answers about conversations that the reader may see, newest first."""
    rows = visible_to(Survey.objects.filter(conversation__identity__contact=contact, state=Survey.State.ANSWERED), user)
    return list(rows.select_related("agent").order_by("-answered_at")[:3])


def tags_of(contact: Contact) -> list[TagAssignment]:
    """Of all records of the person; a tag that several have is shown once, as it came first."""
    rows = TagAssignment.objects.filter(contact__in=family_of(contact), removed_at=None).select_related("tag", "rule", "by")
    first: dict[int, TagAssignment] = {}
    for row in rows.order_by("assigned_at", "pk"):
        first.setdefault(row.tag_id, row)
    return list(first.values())


def records_of(contact: Contact, conversation_ids: list[int]) -> list[ExternalRecord]:
    """The person's records, and the deals, cases and latest communications of these conversations; keys as `sync.services.Wanted`."""
    people = [str(pk) for pk in family_of(contact)]
    sales = (Kind.DEAL, Kind.CASE)
    wanted = Q(kind=Kind.CONTACT, key__in=people) | Q(kind__in=sales, key__in=[f"conversation:{pk}" for pk in conversation_ids])
    for pk in conversation_ids[:5]:
        # ';' follows ':', so this is the range of all days of one conversation.
        wanted |= Q(kind=Kind.COMMUNICATION, key__gte=f"{pk}:", key__lt=f"{pk};")
    crms = Connection.objects.filter(kind=Connection.Kind.CRM).values("pk")
    rows = ExternalRecord.objects.filter(wanted, connection__in=crms).select_related("connection")
    return list(rows.order_by("-synced_at")[:8])


def sales_of(contact: Contact, limit: int = 6) -> list[Sale]:
    """The person's deals and cases as the CRMs hold them, the latest first. Two queries."""
    states = list(SaleState.objects.filter(contact__in=family_of(contact)).select_related("connection").order_by("-changed_at")[:limit])
    links = ExternalRecord.objects.filter(key__in=[row.key for row in states], kind__in=(Kind.DEAL, Kind.CASE)) if states else []
    removed = {(row.connection_id, row.kind, row.key) for row in links if row.removed_at is not None}
    return [Sale(row, (row.connection_id, row.kind, row.key) in removed) for row in states]


def why_of(contact: Contact, limit: int = 12) -> list[Why]:
    """What the law and the rules said lately, newest first."""
    people = family_of(contact)
    decisions = list(Decision.objects.filter(contact__in=people).order_by("-decided_at")[:limit])
    causes = Causes(row.cause for row in decisions)
    runs = Run.objects.filter(contact__in=people).select_related("rule").order_by("-evaluated_at")[:limit]
    rows = chain((_decision(row, causes) for row in decisions), map(_run, runs))
    return sorted(rows, key=lambda why: str(why.at), reverse=True)[:limit]


def _decision(row: Decision, causes: Causes) -> Why:
    refused = row.verdict != Decision.Verdict.ALLOW
    title = reasons.rule_sentence(row.rule) if refused else capfirst(wording.moment_name(row.moment))
    return Why(row.decided_at, title, row.get_verdict_display(), causes.words(row.cause) or wording.asker_name(row.asked_by))


def _run(row: Run) -> Why:
    return Why(row.evaluated_at, row.rule.name, row.get_verdict_display(), "")
