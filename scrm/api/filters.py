"""What a list can be asked for. Unreadable values are answered with 400, never guessed."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from scrm.api.pagination import LARGEST_ID
from scrm.commerce.models import Order
from scrm.connections.models import Connection
from scrm.contacts import phone
from scrm.contacts.family import family_ids, root_of
from scrm.contacts.models import Contact, Event, Identity
from scrm.conversations.models import Conversation, Decision, Message, MessageTemplate

Rows = QuerySet[Any]
PAGING = frozenset({"cursor", "page_size"})


class IdField(forms.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": LARGEST_ID, **options})


class IdFilter(django_filters.NumberFilter):
    """A row's id; a number no row can have is refused before the database sees it."""

    field_class = IdField


class PersonFilter(IdFilter):
    """Rows of a person: of the survivor and of everybody who was merged into it, whichever of them is named."""

    def filter(self, qs: Rows, value: Any) -> Rows:
        if value in (None, ""):
            return qs
        people = family_ids(int(value))
        return qs.filter(**{f"{self.field_name}__in": people} if len(people) > 1 else {str(self.field_name): people[0]})


class SurvivorFilter(IdFilter):
    """Rows that hang on an address: it leads to the survivor."""

    def filter(self, qs: Rows, value: Any) -> Rows:
        return qs if value in (None, "") else qs.filter(**{str(self.field_name): root_of(int(value))})


class Filters(django_filters.FilterSet):
    """Misspelt and empty filters are refused: `?contct=5` and `?contact=` must not answer with everybody's rows."""

    def filter_queryset(self, queryset: Rows) -> Rows:
        if unknown := set(self.data) - set(self.filters) - PAGING:
            known = ", ".join([*self.filters, *sorted(PAGING)])
            raise ValidationError({name: [_("Unknown. Known are: %(known)s.") % {"known": known}] for name in sorted(unknown)})
        if empty := [name for name in self.filters if name in self.data and not str(self.data[name]).strip()]:
            raise ValidationError({name: [_("Give a value or leave it out.")] for name in empty})
        return super().filter_queryset(queryset)


def numbers_meant(raw: str, region: str = "") -> set[str]:
    """Every E.164 number that this spelling may stand for.

    A national number is read in `region`, or else in each country where we have a connection: looking somebody up may be generous,
    because nothing is stored. A plus sign that a query string turned into a space is put back.
    """
    regions = [region] if region else Connection.countries()
    found: set[str] = set()
    for spelling in (raw.strip(), f"+{raw.strip()}"):
        reading = phone.parse(spelling, regions)
        found |= {reading.e164} if isinstance(reading, phone.Number) else set(reading.candidates)
    return found


class ContactFilters(Filters):
    phone = django_filters.CharFilter(method="by_phone", max_length=60, help_text="A number in any spelling.")
    region = django_filters.CharFilter(
        method="nothing", max_length=2, help_text="Country of a number without country code, for example HK."
    )
    external_id = django_filters.CharFilter(max_length=200, help_text="The partner's own id; answers with merged contacts too.")
    search = django_filters.CharFilter(
        method="by_words", max_length=200, help_text="Name, company, e-mail or the end of a number, in any script."
    )
    updated_since = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")
    include_merged = django_filters.BooleanFilter(method="nothing", help_text="Also duplicates that were merged into another contact.")

    class Meta:
        model = Contact
        fields: list[str] = []

    def filter_queryset(self, queryset: Rows) -> Rows:
        queryset = super().filter_queryset(queryset)
        cleaned = self.form.cleaned_data
        if cleaned["include_merged"] or cleaned["external_id"]:
            return queryset
        return queryset.filter(merged_into=None)

    def by_phone(self, queryset: Rows, name: str, value: str) -> Rows:
        """Also people whose WhatsApp number no library knows: they are found by its digits as the platform gives them."""
        numbers = numbers_meant(value, self.form.cleaned_data["region"].upper())
        as_given = Q(kind=Identity.Kind.WHATSAPP, scope="", value="".join(filter(str.isdecimal, value))[:200])
        holders = Identity.objects.filter(Q(e164__in=numbers) & ~Q(e164="") | as_given, valid_to=None)
        return queryset.filter(pk__in=holders.values("contact_id"))

    def by_words(self, queryset: Rows, name: str, value: str) -> Rows:
        found: Rows = queryset.search(value)  # type: ignore[attr-defined]
        return found

    def nothing(self, queryset: Rows, name: str, value: Any) -> Rows:
        """Read by another filter of this set."""
        return queryset


class IdentityFilters(Filters):
    contact = SurvivorFilter(field_name="contact_id")
    kind = django_filters.ChoiceFilter(choices=Identity.Kind.choices)

    class Meta:
        model = Identity
        fields: list[str] = []


class ConversationFilters(Filters):
    contact = SurvivorFilter(field_name="identity__contact_id")
    status = django_filters.ChoiceFilter(choices=Conversation.Status.choices)

    class Meta:
        model = Conversation
        fields: list[str] = []


class MessageFilters(Filters):
    external_id = django_filters.CharFilter(method="by_external_id", max_length=200, help_text="The platform's id, for example a wamid.")
    conversation = IdFilter(field_name="conversation_id")
    contact = SurvivorFilter(field_name="conversation__identity__contact_id")
    state = django_filters.ChoiceFilter(choices=Message.State.choices)
    direction = django_filters.ChoiceFilter(choices=Message.Direction.choices)
    since = django_filters.IsoDateTimeFilter(field_name="sent_at", lookup_expr="gte", help_text="Messages with this time or a later one.")

    class Meta:
        model = Message
        fields: list[str] = []

    def by_external_id(self, queryset: Rows, name: str, value: str) -> Rows:
        """The unique index begins with the connection, so each of our few connections is asked for the id."""
        connections = list(Connection.objects.filter(kind=Connection.Kind.CHANNEL).values_list("pk", flat=True))
        return queryset.filter(connection_id__in=connections, external_id=value)


class EventFilters(Filters):
    contact = PersonFilter(field_name="contact_id")
    kind = django_filters.CharFilter(max_length=40)
    since = django_filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="gte")

    class Meta:
        model = Event
        fields: list[str] = []


class DecisionFilters(Filters):
    contact = PersonFilter(field_name="contact_id")
    message = IdFilter(field_name="message_id")
    verdict = django_filters.ChoiceFilter(choices=Decision.Verdict.choices)

    class Meta:
        model = Decision
        fields: list[str] = []


class TagFilters(Filters):
    contact = PersonFilter(field_name="contact_id")
    slug = django_filters.CharFilter(field_name="tag__slug", max_length=60)

    class Meta:
        model: type[Model] | None = None
        fields: list[str] = []


class OrderFilters(Filters):
    contact = PersonFilter(field_name="contact_id")
    number = django_filters.CharFilter(max_length=60)
    status = django_filters.ChoiceFilter(choices=Order.Status.choices)

    class Meta:
        model = Order
        fields: list[str] = []


class TemplateFilters(Filters):
    connection = django_filters.CharFilter(field_name="connection__slug", max_length=50)
    status = django_filters.ChoiceFilter(choices=MessageTemplate.Status.choices)
    language = django_filters.CharFilter(max_length=10)

    class Meta:
        model = MessageTemplate
        fields: list[str] = []
