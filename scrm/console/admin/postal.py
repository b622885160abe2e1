"""Postal codes that were completed: by what, how surely, and taken back with one press."""

from __future__ import annotations

from django.contrib import admin
from django.http import Http404, HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.console.access import seen
from scrm.console.admin.base import Colours, ReadOnlyAdmin, may
from scrm.console.admin.identities import link_to
from scrm.console.admin.row_buttons import AnswersInRows, buttons
from scrm.sync import postal
from scrm.sync.models import PostalCompletion

SOURCES = {"japan_table": _("Japan Post (table)"), "google_maps": "Google Maps"}


@admin.register(PostalCompletion)
class PostalCompletionAdmin(AnswersInRows, ReadOnlyAdmin):
    list_display = ("shown_contact", "shown_address", "postal_code", "shown_source", "shown_confidence", "shown_state", "shown_answers")
    list_filter = ("state",)
    search_fields = ("contact__id",)
    ordering = ("-id",)
    sortable_by = ()
    list_select_related = ("contact",)

    @display(description=_("contact"))
    def shown_contact(self, row: PostalCompletion) -> str:
        return link_to(row.contact)

    @display(description=_("address"))
    def shown_address(self, row: PostalCompletion) -> str:
        person = row.contact
        return " ".join(part for part in (person.state, person.city, person.address) if part)

    @display(description=_("completed by"))
    def shown_source(self, row: PostalCompletion) -> str:
        return str(SOURCES.get(row.source, row.source))

    @display(description=_("confidence"))
    def shown_confidence(self, row: PostalCompletion) -> str:
        return f"{row.confidence:.0%}" if row.confidence else ""

    @display(description=_("state"), label=Colours(done="success", waiting="info", reverted="warning"))
    def shown_state(self, row: PostalCompletion) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("answer"))
    def shown_answers(self, row: PostalCompletion) -> str:
        if row.state == PostalCompletion.State.DONE:
            return buttons(row.pk, [("revert", gettext("Take back"))])
        return gettext("taken back by %(name)s") % {"name": row.reverted_by} if row.reverted_by else ""

    def may_answer(self, request: HttpRequest) -> bool:
        return may(request, "contacts.change_contact")

    def give(self, request: HttpRequest, pk: int, code: str) -> str:
        row = seen(request, PostalCompletion.objects.all()).filter(pk=pk).first()
        if row is None or code != "revert":
            raise Http404
        postal.revert(row, by=request.user.get_username())
        return gettext("The postal code is taken back and will not be completed again.")
