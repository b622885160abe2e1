"""Addresses of people, numbers to repair with their readings as buttons, and addresses that say two things."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.console.access import seen
from scrm.console.admin.base import Colours, ConsoleAdmin, ReadOnlyAdmin, may
from scrm.console.admin.filters import IdentityCaseFilter, RepairFilter
from scrm.console.admin.row_buttons import AnswersInRows, buttons
from scrm.contacts import events, identity_cases, repair_words, repairs
from scrm.contacts.models import Contact, Event, Identity, IdentityCase, NumberSettlement
from scrm.contacts.search import reindex
from scrm.core import clock

READ_ONLY = (
    "contact_link",
    "kind",
    "scope",
    "value",
    "typed",
    "shown_repair",
    "verified",
    "shown_shared",
    "opted_out_at",
    "marketing_opt_in_at",
    "marketing_opted_out_at",
    "valid_from",
    "valid_to",
)


def link_to(contact: Contact) -> str:
    return format_html('<a href="{}">{}</a>', reverse("admin:contacts_contact_change", args=[contact.pk]), contact)


@admin.register(Identity)
class IdentityAdmin(AnswersInRows, ConsoleAdmin):
    list_display = ("shown_address", "kind", "shown_contact", "shown_repair", "shown_candidates", "verified", "valid_from", "valid_to")
    list_filter = (RepairFilter,)
    search_fields = ("e164",)
    search_help_text = _("A number with its country code, or an address, from its beginning")
    sortable_by = ()
    ordering = ("-id",)
    list_select_related = ("contact",)
    fields = (
        "contact_link",
        "kind",
        "scope",
        ("value", "typed"),
        "e164",
        "shown_repair",
        "verified",
        "shown_shared",
        ("opted_out_at", "marketing_opt_in_at", "marketing_opted_out_at"),
        ("valid_from", "valid_to"),
    )
    readonly_fields = READ_ONLY
    refusals = (repairs.CannotSettle,)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Identity], search_term: str) -> tuple[QuerySet[Identity], bool]:
        wanted = search_term.strip().replace(" ", "")
        if not wanted:
            return queryset, False
        exact = queryset.filter(e164=wanted if wanted.startswith("+") else f"+{wanted}")
        return exact | queryset.filter(kind__in=Identity.Kind.values, value=wanted), False

    @display(description=_("address"))
    def shown_address(self, row: Identity) -> str:
        return str(row)

    @display(description=_("contact"))
    def shown_contact(self, row: Identity) -> str:
        return link_to(row.contact)

    @display(description=_("contact"))
    def contact_link(self, row: Identity) -> str:
        return link_to(row.contact)

    @display(description=_("to repair"))
    def shown_repair(self, row: Identity) -> str:
        return repair_words.reason(row.needs_repair) if row.needs_repair else ""

    @display(description=_("shared"))
    def shown_shared(self, row: Identity) -> str:
        return repair_words.shared(row.shared_reason) if row.shared_since else ""

    @display(description=_("possible numbers"))
    def shown_candidates(self, row: Identity) -> str:
        numbers = (row.candidates or {}).get("numbers", []) if row.needs_repair else []
        return buttons(row.pk, [(number, number) for number in numbers]) if numbers else ""

    def may_answer(self, request: HttpRequest) -> bool:
        return may(request, "contacts.change_identity")

    def give(self, request: HttpRequest, pk: int, code: str) -> str:
        row = seen(request, Identity.objects.all()).filter(pk=pk).first()
        if row is None:
            raise Http404
        made = repairs.settle_number(row, code, by=request.user.get_username())
        return gettext("%(raw)s is %(number)s.") % {"raw": made.raw, "number": made.chosen}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Identity | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Identity, form: Any, change: bool) -> None:
        """A number typed for one that could not be read settles it, on record; any other change is only written."""
        stored = Identity.objects.get(pk=obj.pk)
        if stored.needs_repair and obj.e164 and "e164" in form.changed_data:
            try:
                repairs.settle_number(stored, obj.e164, by=request.user.get_username())
            except repairs.CannotSettle as refusal:
                self.message_user(request, str(refusal), "ERROR")
            return
        with transaction.atomic():
            # Only what was edited: the address may have gone to another person meanwhile, or have been stopped.
            obj.save(update_fields=form.changed_data)
            obj.refresh_from_db(fields=["contact"])
            reindex([obj.contact_id])
            data = {"fields": form.changed_data, "by": request.user.get_username()}
            events.record([Event(contact_id=obj.contact_id, identity=obj, kind="contact.changed", occurred_at=clock.now(), data=data)])


@admin.register(NumberSettlement)
class NumberSettlementAdmin(AnswersInRows, ReadOnlyAdmin):
    list_display = ("settled_at", "raw", "chosen", "shown_contact", "shown_evidence", "shown_by", "shown_answers")
    ordering = ("-id",)
    sortable_by = ()
    list_select_related = ("identity__contact",)
    fields = (("raw", "reason"), ("chosen", "settled_at", "by"), "shown_evidence", ("undone_by", "undone_at"))
    readonly_fields = ("shown_evidence",)
    refusals = (repairs.CannotSettle,)

    @display(description=_("contact"))
    def shown_contact(self, row: NumberSettlement) -> str:
        return link_to(row.identity.contact)

    @display(description=_("evidence"))
    def shown_evidence(self, row: NumberSettlement) -> str:
        return format_html_join("", "<div>{}</div>", ([line] for line in repair_words.evidence(row.evidence))) or "-"

    @display(description=_("by"))
    def shown_by(self, row: NumberSettlement) -> str:
        return row.by or gettext("its evidence")

    @display(description=_("answer"))
    def shown_answers(self, row: NumberSettlement) -> str:
        if row.undone_at:
            return gettext("taken back by %(name)s") % {"name": row.undone_by}
        return buttons(row.pk, [("undo", gettext("Take back"))])

    def may_answer(self, request: HttpRequest) -> bool:
        return may(request, "contacts.change_identity")

    def give(self, request: HttpRequest, pk: int, code: str) -> str:
        row = seen(request, NumberSettlement.objects.all()).filter(pk=pk).first()
        if row is None or code != "undo":
            raise Http404
        repairs.undo(row, by=request.user.get_username())
        return gettext("%(raw)s is asked again.") % {"raw": row.raw}


@admin.register(IdentityCase)
class IdentityCaseAdmin(AnswersInRows, ReadOnlyAdmin):
    list_display = ("found_at", "shown_kind", "shown_address", "shown_owner", "shown_other", "shown_detail", "shown_state", "shown_answers")
    list_filter = (IdentityCaseFilter,)
    ordering = ("-id",)
    sortable_by = ()
    list_select_related = ("contact", "other", "identity")
    fields = (("kind", "state"), ("contact", "other"), "shown_detail", ("decided_by", "decided_at"))
    readonly_fields = ("shown_detail",)
    refusals = (identity_cases.CannotAnswer,)

    @display(description=_("what happened"))
    def shown_kind(self, row: IdentityCase) -> str:
        return row.get_kind_display()

    @display(description=_("address"))
    def shown_address(self, row: IdentityCase) -> str:
        return str(row.detail.get("address", ""))

    @display(description=_("leads to"))
    def shown_owner(self, row: IdentityCase) -> str:
        return link_to(row.contact)

    @display(description=_("other person"))
    def shown_other(self, row: IdentityCase) -> str:
        return link_to(row.other)

    @display(description=_("details"))
    def shown_detail(self, row: IdentityCase) -> str:
        detail = row.detail
        if detail.get("reason"):
            return repair_words.shared(str(detail["reason"]))
        if detail.get("now"):
            return gettext("user id %(before)s until then, %(now)s now") % {"before": detail.get("before", ""), "now": detail["now"]}
        other = str(detail.get("other_address", "")).partition(":")[2]
        words = gettext("the platform announced the change of %(address)s") if detail.get("announced") else gettext("came with %(address)s")
        return words % {"address": other} if other else ""

    @display(description=_("state"), label=Colours(open="warning", same="success", different="info"))
    def shown_state(self, row: IdentityCase) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("answer"))
    def shown_answers(self, row: IdentityCase) -> str:
        if row.state != IdentityCase.State.OPEN:
            return buttons(row.pk, [("reopen", gettext("Take back"))])
        same = [("same", gettext("One person"))] if identity_cases.can_join() else []
        return buttons(row.pk, [*same, ("different", gettext("Different people"))])

    def may_answer(self, request: HttpRequest) -> bool:
        return may(request, "contacts.change_identitycase")

    def give(self, request: HttpRequest, pk: int, code: str) -> str:
        row = seen(request, IdentityCase.objects.select_related("identity", "merge")).filter(pk=pk).first()
        if row is None or code not in {"same", "different", "reopen"}:
            raise Http404
        if code == "reopen":
            identity_cases.reopen(row, by=request.user)
            return gettext("The answer is taken back.")
        identity_cases.answer(row, code, by=request.user)
        return gettext("Answered.")
