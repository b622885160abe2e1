"""Connections: a form drawn from what the adapter asks for; secrets are written, never shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.forms.widgets import DateTimeBaseInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import DATETIME_CLASSES

from connectors.contracts import ConfigField
from connectors.errors import ConnectorError
from scrm.connections import services
from scrm.connections.endpoints import STANDBY
from scrm.connections.models import Connection
from scrm.connections.sentences import each_worded, worded
from scrm.console import channel_page
from scrm.console.admin import alerts  # noqa: F401 - registers the pages beside this one
from scrm.console.admin.base import Colours, ConsoleAdmin
from scrm.console.admin.forms import dress
from scrm.console.setup.wording import name_of

PLAIN = (
    "label",
    "slug",
    "adapter",
    "address",
    "account_id",
    "country",
    "language",
    "time_zone",
    "owner",
    "tier",
    "daily_cap",
    "quiet_from",
    "quiet_to",
    "portfolio",
    "promotion_weekday",
    "promotion_from",
    "warm_up_from",
    "credentials_expire_at",
)
SETTING, SECRET = "setting_", "secret_"
# What may differ at the standby: where it is and what opens it, not whose account it is.
ADDRESSES = ("url", "version", "host")
STANDBY_WORDS = _("Used when the platform is slow or away three times in a row. What is left empty is the same as above.")


def config_fields(adapter: str) -> list[ConfigField]:
    try:
        return list(services.config_fields(adapter)) if adapter else []
    except ConnectorError:
        return []


def standby_fields(adapter: str) -> list[ConfigField]:
    """The same fields for the standby endpoint; none has to be filled in."""
    return [
        replace(
            spec,
            name=STANDBY + spec.name,
            label=gettext("Standby: %(label)s") % {"label": worded(spec.label)},
            required=False,
            default="",
            help="",
        )
        for spec in config_fields(adapter)
        if spec.secret or spec.name.endswith(ADDRESSES)
    ]


def field_name(spec: ConfigField) -> str:
    return (SECRET if spec.secret else SETTING) + spec.name


def setting_field(spec: ConfigField, *, initial: str) -> forms.Field:
    """What takes a setting that may be seen."""
    words: dict[str, Any] = {"label": worded(spec.label), "help_text": worded(spec.help), "required": spec.required, "initial": initial}
    if spec.choices:
        # What stands there is shown, whatever it is: a form must not change it without a word.
        return forms.ChoiceField(choices=[(each, each) for each in dict.fromkeys([*spec.choices, *filter(None, [initial])])], **words)
    return forms.CharField(**words, widget=forms.Textarea(attrs={"rows": 12}) if spec.long else forms.TextInput())


def masked(secret: str) -> str:
    """The last four characters, enough to tell two keys apart; a short secret shows nothing."""
    return f"…{secret[-4:]}" if len(secret) >= 12 else "…"


def picker(kind: type[DateTimeBaseInput], browser_type: str, shape: str) -> forms.Widget:
    """The browser's own picker in the theme's clothes; such inputs take one format in every language."""
    return kind(attrs={"class": " ".join(DATETIME_CLASSES), "type": browser_type}, format=shape)


class ConnectionForm(forms.ModelForm[Connection]):
    """The row's own fields, and one for each setting that the chosen adapter declares. An empty secret keeps the stored one."""

    adapter = forms.ChoiceField(label=_("adapter"))

    class Meta:
        model = Connection
        fields = PLAIN
        widgets = {
            "quiet_from": picker(forms.TimeInput, "time", "%H:%M"),
            "quiet_to": picker(forms.TimeInput, "time", "%H:%M"),
            "promotion_from": picker(forms.TimeInput, "time", "%H:%M"),
            "warm_up_from": picker(forms.DateInput, "date", "%Y-%m-%d"),
            "credentials_expire_at": picker(forms.DateTimeInput, "datetime-local", "%Y-%m-%dT%H:%M"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "adapter" in self.fields:
            self.fields["adapter"].choices = self._adapters()  # type: ignore[attr-defined]
        for spec in [*config_fields(self.instance.adapter), *standby_fields(self.instance.adapter)]:
            name, field = self._field(spec)
            self.fields[name] = field
        dress(self)

    def _adapters(self) -> list[Any]:
        """Those of the row's kind and the one that it has; for a new row all, by kind."""
        if not self.instance._state.adding:
            return [(name, name_of(name)) for name in dict.fromkeys([*services.adapters(self.instance.kind), self.instance.adapter])]
        groups = [(kind.label, [(name, name_of(name)) for name in services.adapters(kind.value)]) for kind in Connection.Kind]
        return [("", "---------"), *groups]

    def clean_adapter(self) -> str:
        """The adapter says what kind of account a new connection leads to; nobody is asked for both."""
        chosen = str(self.cleaned_data["adapter"])
        if self.instance._state.adding:
            self.instance.kind = next(kind.value for kind in Connection.Kind if chosen in services.adapters(kind.value))
        return chosen

    def _field(self, spec: ConfigField) -> tuple[str, forms.Field]:
        if not spec.secret:
            stored = (self.instance.settings or {}).get(spec.name, spec.default)
            return SETTING + spec.name, setting_field(spec, initial=stored)
        known = (self.instance.secrets or {}).get(spec.name, "")
        words = gettext("Stored: %(mask)s. Leave empty to keep it.") % {"mask": masked(str(known))} if known else worded(spec.help)
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        return SECRET + spec.name, forms.CharField(
            label=worded(spec.label), help_text=words, required=spec.required and not known, widget=widget, strip=True
        )

    def given(self, prefix: str) -> dict[str, str]:
        return {name.removeprefix(prefix): str(value) for name, value in self.cleaned_data.items() if name.startswith(prefix)}


@admin.register(Connection)
class ConnectionAdmin(ConsoleAdmin):
    list_display = ("label", "kind", "shown_adapter", "address", "shown_state", "shown_reason", "country")
    list_filter = ("kind", "state")
    search_fields = ("label", "slug")
    form = ConnectionForm
    older_by = ""
    readonly_fields = ("kind", "shown_facts")
    change_form_outer_before_template = "console/admin/connection.html"
    actions = ("check_selected", "pause_selected", "resume_selected")
    actions_submit_line = ("save_and_check",)

    @display(
        description=_("state"),
        label=Colours(active="success", paused="warning", waiting="warning", needs_login="danger", misconfigured="danger"),
    )
    def shown_state(self, row: Connection) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("adapter"))
    def shown_adapter(self, row: Connection) -> str:
        return name_of(row.adapter)

    @display(description=_("reason"))
    def shown_reason(self, row: Connection) -> str:
        return worded(row.state_reason)

    @display(description=_("what the platform says"))
    def shown_facts(self, row: Connection) -> str:
        told = sorted((name, value) for name, value in row.facts.items() if not name.startswith("_"))
        return format_html_join("", '<p class="console-line">{}: {}</p>', told) or "-"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = Connection.objects.filter(pk=object_id).first() if object_id.isdigit() and request.method == "GET" else None
        allowed = row is not None and self.has_view_permission(request, row)
        extra = {**(extra_context or {}), "panel": channel_page.panel(row) if row is not None and allowed else None}
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra)
        return answer

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        kind = "adapter" if obj is None else ("kind", "adapter")
        plain = [("label", "slug"), kind, ("address", "account_id"), ("country", "language"), ("time_zone", "owner")]
        limits = [
            ("tier", "daily_cap"),
            ("quiet_from", "quiet_to"),
            ("promotion_weekday", "promotion_from"),
            ("portfolio", "warm_up_from"),
        ]
        if obj is None:
            return [
                (None, {"fields": plain, "description": _("Save, then fill in what the adapter asks for.")}),
                (_("Limits"), {"fields": limits}),
            ]
        own = [*map(field_name, config_fields(obj.adapter)), "credentials_expire_at"]
        standby = [*map(field_name, standby_fields(obj.adapter))]
        return [
            (None, {"fields": plain}),
            (_("Credentials and settings"), {"fields": own}),
            (_("Standby endpoint"), {"fields": standby, "classes": ["collapse"], "description": STANDBY_WORDS}),
            (_("Limits"), {"fields": limits}),
            (_("What the platform says"), {"fields": ["shown_facts"], "classes": ["collapse"]}),
        ]

    def get_form(self, request: HttpRequest, obj: Connection | None = None, change: bool = False, **kwargs: Any) -> Any:
        return ConnectionForm

    def get_prepopulated_fields(self, request: HttpRequest, obj: Connection | None = None) -> dict[str, Any]:
        return {} if obj else {"slug": ("label",)}

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        """Only what the form changed is written: breaker and looks move the row's other columns at the same time."""
        columns = [name for name in form.changed_data if name in PLAIN]
        obj.save(update_fields=columns if change else None)
        if not change:
            services.await_credentials(obj)
        services.save_credentials(obj, settings=form.given(SETTING), secrets=form.given(SECRET))
        services.forget()

    def response_add(self, request: HttpRequest, obj: Connection, post_url_continue: str | None = None) -> HttpResponse:
        """On to the page that asks for the credentials: without them a new connection does nothing."""
        if "_addanother" not in request.POST:
            self.message_user(request, gettext("Saved."), messages.SUCCESS)
            return redirect("admin:connections_connection_change", obj.pk)
        answer: HttpResponse = super().response_add(request, obj, post_url_continue)
        return answer

    def has_delete_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        return False  # its messages would lose their number; pause it instead

    @action(description=_("Save and check"), permissions=["operate"])
    def save_and_check(self, request: HttpRequest, obj: Connection) -> None:
        """A button of the form, so that it is a POST: the call may end a wait or start one. After the commit: it may take 15 s."""
        transaction.on_commit(lambda: self._tell_health(request, Connection.objects.get(pk=obj.pk)))

    @action(description=_("Check now"), permissions=["operate"])
    def check_selected(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        for connection in queryset:
            self._tell_health(request, connection)

    def _tell_health(self, request: HttpRequest, connection: Connection) -> None:
        health = services.check_now(connection)
        words = gettext("%(name)s works, %(ms)s ms. %(detail)s") if health.ok else gettext("%(name)s does not work: %(detail)s")
        values = {"name": connection.label, "ms": round(health.latency.total_seconds() * 1000), "detail": each_worded(health.detail)}
        self.message_user(request, words % values, messages.SUCCESS if health.ok else messages.ERROR)

    @action(description=_("Pause"), permissions=["operate"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        done = sum(services.pause(connection, by=request.user.get_username()) for connection in queryset)
        self.message_user(request, ngettext("%d connection paused.", "%d connections paused.", done) % done)

    @action(description=_("Resume"), permissions=["operate"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        done = sum(services.resume(connection) for connection in queryset)
        self.message_user(request, ngettext("%d connection resumed.", "%d connections resumed.", done) % done)

    def has_operate_permission(self, request: HttpRequest, object_id: int | None = None) -> bool:
        return request.user.has_perm("connections.change_connection")
