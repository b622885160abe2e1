"""Saved audiences: who is in them is put together from choices, told in words, and counted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from unfold.decorators import display

from scrm.campaigns import counting, segments
from scrm.campaigns.models import Segment
from scrm.console import condition_words, evaluations
from scrm.console.admin.base import COUNTED, ConsoleAdmin
from scrm.console.admin.forms import themed


class SegmentForm(forms.ModelForm[Segment]):
    class Meta:
        model = Segment
        fields = ("name", "conditions")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["conditions"].required = False
        condition_words.put_together(self.fields["conditions"], for_sets=True)

    def clean_conditions(self) -> Any:
        return condition_words.checked(self.cleaned_data["conditions"], for_sets=True)


@admin.register(Segment)
class SegmentAdmin(ConsoleAdmin):
    list_display = ("name", "shown_conditions", "created_at")
    search_fields = ("name",)
    readonly_fields = ("size",)

    class Media:
        js = ("console/conditions.js", "console/segment.js")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        rows: QuerySet[Segment] = super().get_queryset(request)
        self._words = evaluations.Words()
        return rows

    def get_form(self, request: HttpRequest, obj: Segment | None = None, change: bool = False, **kwargs: Any) -> Any:
        return themed(SegmentForm)

    def get_fields(self, request: HttpRequest, obj: Segment | None = None) -> Any:
        return ("name", "conditions", "size") if obj else ("name", "conditions")

    @display(description=_("conditions"))
    def shown_conditions(self, row: Segment) -> str:
        return self._words.tree(row.conditions) if row.conditions else gettext("Everybody.")

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "conditions" in form.changed_data:
            counting.forget(obj)

    @display(description=_("people in it now"))
    def size(self, row: Segment) -> str:
        """Counted up to a bound and for a moment: a page about ten million people must not wait for their number."""
        try:
            found = counting.size_of(row, COUNTED)
        except segments.BrokenSegment as broken:
            return str(broken)
        address = reverse("admin:campaigns_segment_size", args=[row.pk])
        return format_html('<span role="status" data-size="{}" data-coming="{}">{}</span>', address, int(found.coming), _told(found))

    def get_urls(self) -> list[Any]:
        """How far the counting is, for the page that shows it."""
        own = path("<int:pk>/size/", self.admin_site.admin_view(require_safe(self.size_now)), name="campaigns_segment_size")
        return [own, *super().get_urls()]

    def size_now(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        found = counting.counted(get_object_or_404(self.get_queryset(request), pk=pk))
        return JsonResponse({"words": _told(found), "coming": found.coming})


def _told(found: counting.Size) -> str:
    how = {"percent": found.percent, "found": number_format(found.so_far, force_grouping=True)}
    if found.people is None:
        return gettext("Being counted: %(percent)d %% of all contacts looked at, %(found)s found so far.") % how if found.coming else "–"
    number = number_format(found.people, force_grouping=True) + ("+" if found.more else "")
    if found.at is None:
        return number
    counted_at = date_format(timezone.localtime(found.at), "SHORT_DATETIME_FORMAT")
    told = gettext("%(number)s, counted %(moment)s.") % {"number": number, "moment": counted_at}
    anew = gettext("Being counted anew: %(percent)d %% of all contacts looked at.") % how
    return f"{told} {anew}" if found.coming else told
