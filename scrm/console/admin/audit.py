"""The audit, to read. What an entry says in words is on its own page; who looks at lists sees acts, not values."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from scrm.console.admin.base import ReadOnlyAdmin
from scrm.console.audit_words import ACTIONS, action_name
from scrm.core.audit import entries_about
from scrm.core.audit_models import AuditDetail, AuditEntry


class ActionFilter(admin.SimpleListFilter):
    title = gettext_lazy("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(ACTIONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "shown_action", "by", "shown_subject", "shown_number")
    list_filter = (ActionFilter,)
    search_fields = ("subject",)
    search_help_text = gettext_lazy("The number of a contact, or e.g. contacts.contact:5")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        ("at", "shown_action"),
        ("by", "shown_subject"),
        "shown_reason",
        ("shown_before", "shown_after"),
        "shown_from",
        "shown_number",
        "chain",
    )
    readonly_fields = (
        "shown_action",
        "shown_subject",
        "shown_reason",
        "shown_before",
        "shown_after",
        "shown_from",
        "shown_number",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        subject = f"contacts.contact:{wanted}" if wanted.isdecimal() else wanted
        return queryset.filter(pk__in=entries_about([subject]).values("pk")), False

    @display(description=gettext_lazy("action"))
    def shown_action(self, row: AuditEntry) -> str:
        return action_name(row.action)

    @display(description=gettext_lazy("about"))
    def shown_subject(self, row: AuditEntry) -> str:
        label, _colon, key = row.subject.partition(":")
        try:
            address = reverse(f"admin:{label.replace('.', '_')}_change", args=[key]) if key else ""
        except NoReverseMatch:
            address = ""
        words = _named(label, key)
        return format_html('<a href="{}">{}</a>', address, words) if address else words

    @display(description=gettext_lazy("number of the day"))
    def shown_number(self, row: AuditEntry) -> str:
        return f"{row.day} · {row.number}" if row.number else _("being sealed")

    @display(description=gettext_lazy("reason"))
    def shown_reason(self, row: AuditEntry) -> str:
        detail = _detail(row)
        if detail is not None and detail.erased_for_id:
            return _("Erased with the person it told of.")
        return str(_body(row).get("reason") or "–")

    @display(description=gettext_lazy("before"))
    def shown_before(self, row: AuditEntry) -> str:
        return _drawn(_body(row).get("before"))

    @display(description=gettext_lazy("after"))
    def shown_after(self, row: AuditEntry) -> str:
        return _drawn(_body(row).get("after"))

    @display(description=gettext_lazy("from"))
    def shown_from(self, row: AuditEntry) -> str:
        body = _body(row)
        return " · ".join(str(body[name]) for name in ("address", "request") if body.get(name)) or "–"


def _named(label: str, key: str) -> str:
    """ "contacts.contact", "5" -> "Contact 5". Never a name: that stands behind the link, where rights are asked."""
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        return f"{label}:{key}" if key else label
    name = capfirst(str(model._meta.verbose_name if key else model._meta.verbose_name_plural))
    return f"{name} {key}" if key else name


def _detail(row: AuditEntry) -> AuditDetail | None:
    return getattr(row, "detail", None)


def _body(row: AuditEntry) -> dict[str, Any]:
    detail = _detail(row)
    return detail.body if detail is not None and isinstance(detail.body, dict) else {}


def _drawn(values: Any) -> str:
    if not values:
        return "–"
    return format_html('<pre class="console-body">{}</pre>', json.dumps(values, ensure_ascii=False, indent=1))
