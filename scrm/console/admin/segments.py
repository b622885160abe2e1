"""Saved audiences: who is in them is put together from choices, told in words, and counted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
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
        js = ("console/conditions.js",)

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
        if found.people is None:
            return gettext("Being counted in the background, because it takes a while. Open this page again in a minute.")
        number = number_format(found.people, force_grouping=True) + ("+" if found.more else "")
        if found.at is None:
            return number
        counted_at = date_format(timezone.localtime(found.at), "SHORT_DATETIME_FORMAT")
        told = gettext("%(number)s, counted %(moment)s.") % {"number": number, "moment": counted_at}
        return told + " " + gettext("It is being counted anew; open this page again in a minute.") if found.coming else told
