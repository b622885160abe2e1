"""What a reader may choose for any report, read from the address."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from reports.base import PERIODS, Filters
from scrm.connections.models import Connection
from scrm.core import clock
from scrm.staff.models import Team, User

DEFAULT_PERIOD = "7d"
TITLES = {"today": _("Today"), "7d": _("7 days"), "30d": _("30 days")}
OLDEST = timedelta(days=3700)
LOOK = "border border-base-200 bg-white font-normal rounded-default px-3 py-2 shadow-xs text-sm dark:bg-base-900 dark:border-base-700"


class FilterForm(forms.Form):
    period = forms.ChoiceField(
        label=_("Period"), choices=[(name, TITLES[name]) for name in PERIODS], required=False, initial=DEFAULT_PERIOD
    )
    connection = forms.ModelChoiceField(
        label=_("Connection"), queryset=Connection.objects.filter(kind=Connection.Kind.CHANNEL), required=False, empty_label=_("All")
    )
    team = forms.ModelChoiceField(label=_("Team"), queryset=Team.objects.all(), required=False, empty_label=_("All"))
    until = forms.DateTimeField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.widget.attrs["class"] = LOOK

    def clean_until(self) -> datetime | None:
        until: datetime | None = self.cleaned_data["until"]
        if until is not None and abs(until - clock.now()) > OLDEST:
            raise forms.ValidationError(_("This time is too far away."))
        return until

    def filters(self, viewer: User) -> Filters:
        """Of what the viewer may see. Choices that cannot be read fall back to the last 7 days; the form says what was wrong."""
        self.is_valid()
        chosen: dict[str, Any] = self.cleaned_data
        connection, team = chosen.get("connection"), chosen.get("team")
        return Filters(
            until=chosen.get("until") or clock.now(),
            period=chosen.get("period") or DEFAULT_PERIOD,
            zone=timezone.get_current_timezone_name(),
            connection=connection.pk if connection else None,
            team=team.pk if team else None,
            viewer=viewer,
        )


def address_of(filters: Filters) -> dict[str, str]:
    """The same choices as a query, with the moment fixed."""
    chosen = {"period": filters.period, "until": filters.until.isoformat()}
    if filters.connection is not None:
        chosen["connection"] = str(filters.connection)
    if filters.team is not None:
        chosen["team"] = str(filters.team)
    return chosen
