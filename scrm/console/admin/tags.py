"""Tags and the keyword rules that put them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from scrm.console.admin.base import ConsoleAdmin
from scrm.tags import services
from scrm.tags.models import Tag, TagRule

TRIED = 1000
SHOWN = 100


@admin.register(Tag)
class TagAdmin(ConsoleAdmin):
    list_display = ("name", "slug", "color", "shown_rules")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    older_by = ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        rows: QuerySet[Tag] = super().get_queryset(request)
        return rows.annotate(rule_count=Count("rules", filter=Q(rules__enabled=True)))

    @display(description=_("rules"))
    def shown_rules(self, row: Any) -> int:
        return int(row.rule_count)


@admin.register(TagRule)
class TagRuleAdmin(ConsoleAdmin):
    list_display = ("name", "tag", "shown_keywords", "opens_deal", "opens_case", "enabled", "version", "updated_at")
    list_filter = ("enabled", "tag")
    list_select_related = ("tag",)
    search_fields = ("name", "keywords")
    autocomplete_fields = ("tag",)
    readonly_fields = ("version", "updated_at")
    actions_detail = ("try_on_past",)
    older_by = ""

    @display(description=_("keywords"))
    def shown_keywords(self, row: TagRule) -> str:
        return Truncator(", ".join(row.keywords.split("\n"))).chars(80)

    def save_model(self, request: HttpRequest, obj: TagRule, form: Any, change: bool) -> None:
        services.save_rule(obj)

    @action(description=_("Try on past messages"), url_path="try", permissions=["try"])
    def try_on_past(self, request: HttpRequest, object_id: int) -> HttpResponse:
        rule = get_object_or_404(TagRule, pk=object_id)
        found = services.try_rule(rule, limit=TRIED)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Try “%(rule)s” on past messages") % {"rule": rule},
            "opts": self.opts,
            "rule": rule,
            "found": found[:SHOWN],
            "count": len(found),
            "tried": TRIED,
        }
        return render(request, "console/admin/try_rule.html", context)

    def has_try_permission(self, request: HttpRequest, object_id: int | None = None) -> bool:
        return request.user.has_perm("tags.view_tagrule") and request.user.has_perm("conversations.view_message")
