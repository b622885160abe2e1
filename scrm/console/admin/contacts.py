"""People and their addresses."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.console import timeline
from scrm.console.access import person, seen
from scrm.console.admin.base import ConsoleAdmin, ReadOnlyAdmin, is_list
from scrm.console.admin.filters import CountryFilter, TagFilter
from scrm.console.people import facts
from scrm.contacts import events
from scrm.contacts.fields import PERSON_FIELDS, Offer, Outcome, note_making, offer
from scrm.contacts.fields_rules import PERSON, Verdict
from scrm.contacts.models import Contact, Event, Identity
from scrm.contacts.records import label_of
from scrm.contacts.search import reindex
from scrm.core import clock
from scrm.tags.models import TagAssignment


@admin.register(Contact)
class ContactAdmin(ConsoleAdmin):
    list_display = ("shown_name", "company", "shown_addresses", "country", "shown_tags", "owner", "last_activity_at")
    list_filter = (CountryFilter, TagFilter)
    search_fields = ("name",)
    search_help_text = _("Name, company, or the last digits of a number")
    sortable_by = ()
    ordering = ("-last_activity_at", "-id")
    older_by = "last_activity_at"
    sorts_few = MappingProxyType({ordering: (Coalesce("last_activity_at", "created_at").desc(), "-id")})
    list_select_related = ("owner",)
    autocomplete_fields = ("owner",)
    fields = (
        ("name", "company"),
        ("language", "country"),
        ("time_zone", "external_id"),
        ("priority", "owner"),
        ("postal_code", "state"),
        ("city", "address"),
        ("birthday",),
        "notes",
    )
    change_form_outer_before_template = "console/people/head.html"

    class Media:
        css = {"all": ("console/people.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        given = TagAssignment.objects.filter(removed_at=None).select_related("tag").only("contact_id", "tag__name")
        tags = Prefetch("tag_assignments", given, to_attr="current_tags")
        joined = Prefetch("merged_from", Contact.objects.only("merged_into").prefetch_related(tags), to_attr="joined")
        current = Identity.objects.filter(valid_to=None).only("contact_id", "e164", "typed", "value")
        addresses = Prefetch("identities", current, to_attr="current_addresses")
        rows: QuerySet[Contact] = super().get_queryset(request).filter(merged_into=None)
        return rows.prefetch_related(tags, addresses, joined) if is_list(request) else rows

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str) -> tuple[QuerySet[Contact], bool]:
        return (queryset.search(search_term) if search_term.strip() else queryset), False  # type: ignore[attr-defined]

    @display(description=_("name"))
    def shown_name(self, row: Contact) -> str:
        return str(row)

    @display(description=_("addresses"))
    def shown_addresses(self, row: Any) -> str:
        return ", ".join(str(identity) for identity in row.current_addresses[:2])

    @display(description=_("tags"))
    def shown_tags(self, row: Any) -> str:
        names = dict.fromkeys(each.tag.name for record in (row, *row.joined) for each in record.current_tags)
        return ", ".join(list(names)[:4])

    def has_delete_permission(self, request: HttpRequest, obj: Contact | None = None) -> bool:
        return False  # a person is erased by `erase_contact`, which knows everything that hangs on them

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        contact = self.get_object(request, object_id)
        if contact is None and (survivor := self._survivor_of(request, object_id)):
            self.message_user(request, _("This contact was merged. You see the person it belongs to."))
            return redirect("admin:contacts_contact_change", survivor)
        more = facts.whole_contact(contact, person(request)) | facts.rights(request) if contact else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})  # type: ignore[no-any-return]

    @staticmethod
    def _survivor_of(request: HttpRequest, object_id: str) -> int | None:
        if not object_id.isdecimal() or len(object_id) > 18:
            return None
        return seen(request, Contact.objects.all()).filter(pk=object_id).values_list("merged_into", flat=True).first()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The form remembers what it showed: a field that somebody else changed meanwhile is not set back by saving another."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name in PERSON_FIELDS:
            field.show_hidden_initial = True
        return field

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        now, by = clock.now(), request.user.get_username()
        if change:
            return self._change(request, obj, form, now, by)
        obj.created_at = obj.last_activity_at = obj.updated_at = now
        note_making(obj, source=PERSON, at=now, by=by)
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            reindex([obj.pk])
            data = {"fields": form.changed_data, "by": by}
            events.record([Event(contact=obj, kind="contact.created", occurred_at=now, data=data)])
        return None

    def _change(self, request: HttpRequest, obj: Contact, form: Any, now: datetime, by: str) -> None:
        values = {name: getattr(obj, name) for name in form.changed_data if name in PERSON_FIELDS}
        with transaction.atomic():
            if "external_id" in form.changed_data:
                Contact.objects.filter(pk=obj.pk).update(external_id=obj.external_id, updated_at=now)
                data = {"fields": ["external_id"], "by": by}
                events.record([Event(contact=obj, kind="contact.changed", occurred_at=now, data=data)])
            offers = [Offer(obj.pk, values, PERSON, now, by, blanks_count=True)] if values else []
            outcomes = offer(offers)
        for outcome in outcomes:
            self._tell(request, outcome)

    def _tell(self, request: HttpRequest, outcome: Outcome) -> None:
        """What was not done, and what to do about it."""
        for name, verdict in outcome.verdicts.items():
            if verdict is Verdict.RULED:
                told = _("%(field)s stays as it is: a rule says who decides it. Change it there, or change the rule for this field.")
                self.message_user(request, told % {"field": label_of(name)}, messages.WARNING)
        for name, reason in outcome.refused.items():
            self.message_user(request, f"{label_of(name)}: {reason}", messages.ERROR)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "shown_kind", "shown_contact", "cause", "shown_data")
    ordering = ("-id",)
    sortable_by = ()
    list_select_related = ("contact",)

    @display(description=_("contact"))
    def shown_contact(self, row: Event) -> str:
        return str(row.contact)

    @display(description=_("kind"))
    def shown_kind(self, row: Event) -> str:
        return timeline.kind_name(row.kind)

    @display(description=_("details"))
    def shown_data(self, row: Event) -> str:
        return format_html_join(", ", "{}: {}", list(row.data.items())[:5])
