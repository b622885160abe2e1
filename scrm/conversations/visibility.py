"""Which rows somebody sees: `visible_to(rows, viewer)`, asked by every page, fragment, file, export and API of the product.

The decision is a part of the query, so that lists keep their order and their limit, and no row is read to be dropped. A row of somebody
else is not there: an address with its number answers like one with a number that never was.

`PATHS` names every model that holds a customer's data, also of apps above this one, so that it can be read at one look; a test finds
whatever hangs on a customer and is missing here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db import connections, router
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull

from scrm.contacts.models import SILENT, Contact, DuplicateCandidate
from scrm.conversations.models import Conversation
from scrm.core.bounded import rows_within
from scrm.staff.sight import Sight, sight_of

Row = TypeVar("Row", bound=Model)

# model: how its conversation is reached.
BY_CONVERSATION = {
    "conversations.conversation": "",
    "conversations.message": "conversation",
    "conversations.attachment": "message__conversation",
    "conversations.response": "conversation",
    "conversations.readreceipt": "conversation",
    "conversations.historyblock": "conversation",
    "conversations.latermessage": "conversation",
    "conversations.survey": "conversation",
    "conversations.claim": "conversation",
    "console.typingnotice": "conversation",
    "console.macrouse": "conversation",
}
# model: how its people are reached; all of them must be seen.
BY_CONTACT: dict[str, tuple[str, ...]] = {
    "contacts.contact": ("",),
    "contacts.identity": ("contact",),
    "contacts.consent": ("identity__contact",),
    "contacts.event": ("contact",),
    "campaigns.recipient": ("contact",),
    "contacts.eventdelivery": ("event__contact",),
    "contacts.fieldconflict": ("contact",),
    "contacts.identitycase": ("contact", "other"),
    "contacts.numbersettlement": ("identity__contact",),
    "contacts.merge": ("survivor", "duplicate"),
    "contacts.duplicatecandidate": ("first", "second"),
    "contacts.legalhold": ("contact",),
    "contacts.personexport": ("contact",),
    "contacts.importrow": ("contact",),
    "contacts.matchprofile": ("contact",),
    "contacts.matchkey": ("contact",),
    "contacts.matchtie": ("first", "second"),
    "commerce.order": ("contact",),
    "commerce.orderline": ("order__contact",),
    "commerce.shipment": ("order__contact",),
    "commerce.coupon": ("contact",),
    "conversations.decision": ("contact",),
    "conversations.reservation": ("identity__contact",),
    "conversations.profilelookup": ("identity__contact",),
    "tags.tagassignment": ("contact",),
    "automation.run": ("contact",),
    "sync.postalcompletion": ("contact",),
    "sync.salestate": ("contact",),
}
# Rows that name customers without leading to them, for those alone who see all: what is sent to and came from elsewhere, and the records.
FOR_ALL_SEEING = frozenset(
    {
        "core.auditentry",
        "core.auditdetail",
        "core.auditmention",
        "hooks.delivery",
        "intake.inboundevent",
        "intake.inbounditem",
        "conversations.orphanstatus",
        "sync.externalrecord",
        "sync.mappedfield",
        "sync.push",
        "sync.syncconflict",
        "sync.verification",
        "sync.verifiedrecord",
    }
)
# What a person began belongs to that person.
BY_OWNER = {"contacts.import": "created_by"}
CASES = "contacts.duplicatecase"
PATHS = frozenset({*BY_CONVERSATION, *BY_CONTACT, *FOR_ALL_SEEING, *BY_OWNER, CASES})
# Who sees no more conversations or people than this has them looked up by number: in a list's order, forty would stand far apart.
FEW = 2_000
# How long people are looked for; whoever's are not found by then is treated like who sees many.
PATIENCE_MS = 100
# Who sees many is not asked about again for this long: that changes no row, only how it is found.
MANY_FOR_SECONDS = 60


def visible_to(rows: QuerySet[Row], viewer: Any) -> QuerySet[Row]:
    """Those of the rows that the viewer (a user, or a partner's token) may see. Rows that are no customer's stay as they are."""
    sight = sight_of(viewer)
    name = rows.model._meta.label_lower
    if sight.everything or (name not in PATHS and not sight.nothing):
        return rows
    return rows.none() if sight.nothing else _narrowed(rows, name, sight)


def listed_for(rows: QuerySet[Row], viewer: Any) -> QuerySet[Row]:
    """As `visible_to`, for the pages of a list of conversations, of what belongs to them, or of people (without those who were merged).

    Costs at most one statement a person and request, of those who do not see everything; what becomes theirs after it is on the next page.
    """
    few = few_of(rows.model, viewer)
    if few is None:
        return visible_to(rows, viewer)
    if rows.model is Contact:  # for these reasons they were found just now; to look once more would cost more than the list
        return rows.filter(pk__in=few)
    return visible_to(rows, viewer).filter(**{f"{BY_CONVERSATION[rows.model._meta.label_lower] or 'pk'}__in": few})


def few_of(model: type[Model], viewer: Any) -> list[int] | None:
    """The numbers of all conversations, or for a list of people of all people, that somebody sees.

    None when they are more than `FEW`, or people not found in `PATIENCE_MS`, and for other models.
    """
    sight, label = sight_of(viewer), model._meta.label_lower
    people = label == "contacts.contact"
    if not (people or label in BY_CONVERSATION) or sight.everything or sight.person is None:
        return None
    name = "_few_people" if people else "_few_conversations"
    if not hasattr(viewer, name):
        setattr(viewer, name, _few_seen(sight, people))
    few: list[int] | None = getattr(viewer, name)
    return few


def _few_seen(sight: Sight, people: bool) -> list[int] | None:
    what = "people" if people else "talks"
    many = f"sees-many-{what}-{FEW}-{sight.person}-{_digest(sight.teams)}-{_digest(sight.channels)}-{_digest(sight.apart)}"
    if cache.get(many):
        return None
    parts = _people_parts(sight) if people else [Conversation.objects.filter(reason).values_list("pk", "pk") for reason in _reasons(sight)]
    found = _first(parts, FEW + 1, PATIENCE_MS if people else None)
    if found is not None and len(found) <= FEW:
        return sorted({row[0] for row in found})
    cache.set(many, True, MANY_FOR_SECONDS)
    return None


def _digest(numbers: frozenset[int] | None) -> str:
    """Short enough for a cache's key, however many they are."""
    return "all" if numbers is None else hashlib.sha256(repr(sorted(numbers)).encode()).hexdigest()[:16]


def _people_parts(sight: Sight) -> list[QuerySet[Any, Any]]:
    """(person, what for) of each reason to see a person; nobody's are among the silent."""
    own = Contact.objects.filter(owner=sight.person, merged_into=None)
    parts: list[QuerySet[Any, Any]] = [
        Conversation.objects.filter(reason).values_list("identity__contact", "pk") for reason in _reasons(sight)
    ]
    parts.append(own.values_list("pk", "pk"))
    if sight.nobodys:
        talks = Conversation.objects.filter(identity__contact=OuterRef("pk"))
        parts.append(Contact.objects.filter(SILENT).filter(~_has_any(talks)).values_list("pk", "pk"))
    return parts


def _first(parts: Sequence[QuerySet[Any, Any]], limit: int, milliseconds: int | None) -> list[Any] | None:
    """Up to `limit` rows of each: each reason to see something has an index, all of them together have none.

    None when they are not found in so many milliseconds; without a bound of time it is one statement on any database.
    """
    alias = router.db_for_read(Conversation)
    asked: list[str] = []
    params: list[Any] = []
    for number, part in enumerate(parts):
        try:
            sql, values = part.using(alias).order_by()[:limit].query.get_compiler(using=alias).as_sql()
        except EmptyResultSet:  # on none of no channels
            continue
        asked.append(f"SELECT * FROM ({sql}) AS reason_{number}")  # noqa: S608
        params.extend(values)
    if not asked:
        return []
    if milliseconds is not None:
        return rows_within(alias, " UNION ".join(asked), params, milliseconds)
    with connections[alias].cursor() as cursor:
        cursor.execute(" UNION ".join(asked), params)
        return list(cursor.fetchall())


def sees(viewer: Any, row: Model | None) -> bool:
    """Whether the viewer may see this one row; False for none."""
    return row is not None and visible_to(type(row)._default_manager.filter(pk=row.pk), viewer).exists()


def _narrowed(rows: QuerySet[Row], name: str, sight: Sight) -> QuerySet[Row]:
    if name in BY_CONVERSATION:
        return rows.filter(_conversation(sight, BY_CONVERSATION[name]))
    if name in BY_CONTACT:
        for path in BY_CONTACT[name]:
            rows = rows.filter(_contact(sight, path))
        return rows
    if name in BY_OWNER:
        return rows.filter(**{BY_OWNER[name]: sight.person}) if sight.person is not None else rows.none()
    if name == CASES:
        pairs = DuplicateCandidate.objects.filter(case=OuterRef("pk"))
        seen = _narrowed(DuplicateCandidate.objects.all(), "contacts.duplicatecandidate", sight)
        return rows.filter(~Exists(pairs.exclude(pk__in=seen.values("pk"))))
    return rows.none()


def _conversation(sight: Sight, path: str = "") -> Q:
    first, *others = _reasons(sight, path)
    for reason in others:
        first |= reason
    return first


def _reasons(sight: Sight, path: str = "") -> list[Q]:
    """Nobody's on their channels; their teams'; theirs. Without teams (a partner): whatever is on their channels."""
    at = f"{path}__" if path else ""
    channel = Q() if sight.channels is None else Q(**{f"{at}connection__in": sorted(sight.channels)})
    if sight.apart:
        channel &= ~Q(**{f"{at}connection__in": sorted(sight.apart)})
    if sight.teams is None:
        return [channel]
    reasons = [Q(**{f"{at}team__isnull": True}) & channel]
    if sight.teams:
        reasons.append(Q(**{f"{at}team__in": sorted(sight.teams)}))
    if sight.person is not None:
        reasons.append(Q(**{f"{at}assignee": sight.person}))
    return reasons


def _contact(sight: Sight, path: str = "") -> Q:
    """Their own customers, those whom a conversation that they see is with, and those who are nobody's yet.

    A record that was merged is seen by whoever sees the person in whom it shows.
    """
    at = f"{path}__" if path else ""
    root = Coalesce(OuterRef(f"{at}merged_into"), OuterRef(f"{path or 'pk'}"))
    talks = Conversation.objects.filter(identity__contact=root)
    wanted = _has_any(talks.filter(_conversation(sight)))
    if sight.person is not None:
        wanted |= Q(**{f"{at}owner": sight.person})
    if sight.nobodys:
        wanted |= Q(**{f"{at}owner__isnull": True}) & ~_has_any(talks)
    return wanted


def _has_any(rows: QuerySet[Any]) -> Q:
    """As EXISTS, but looked up for each row: for EXISTS in an OR PostgreSQL first reads the conversations of all people."""
    return Q(IsNull(Subquery(rows.values("pk")[:1]), False))
