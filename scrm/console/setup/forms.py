"""The forms of a set-up, drawn from what the adapter asks for and what the CRM has."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from connectors.contracts import ConfigField
from scrm.connections.models import Connection
from scrm.connections.sentences import worded
from scrm.connections.services import config_fields
from scrm.console.admin.connections import SECRET, SETTING, field_name, masked, setting_field
from scrm.core.zones import check_time_zone
from scrm.staff.models import User

# The fact of a connection that names the form it was made with.
FORM = "_form"
REGIONS = [("HK", "HK"), ("TW", "TW"), ("JP", "JP"), ("SG", "SG"), ("MO", "MO"), ("", _("another"))]
ZONES = {"HK": "Asia/Hong_Kong", "TW": "Asia/Taipei", "JP": "Asia/Tokyo", "SG": "Asia/Singapore", "MO": "Asia/Macau"}


class AccountForm(forms.Form):
    """A name and a place for a new connection, and the settings of its adapter; an empty secret keeps the stored one."""

    label = forms.CharField(label=_("name"), max_length=80, help_text=_("How colleagues tell it from others."))
    country = forms.ChoiceField(
        label=_("country"), choices=REGIONS, required=False, help_text=_("Where numbers without a country code belong.")
    )
    time_zone = forms.CharField(
        label=_("time zone"), required=False, validators=[check_time_zone], help_text=_("Empty: the country's own.")
    )

    # Of a new connection: which form it came from, so that the same form sent twice makes one.
    form = forms.RegexField(r"^[0-9a-f]{32}$", required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, adapter: str, connection: Connection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if connection is not None:
            del self.fields["form"]
        else:
            self.initial.update(form=uuid4().hex, country=_usual_country())
        self.connection = connection
        self.specs = [spec for spec in config_fields(adapter) if not spec.long]
        if connection is not None:
            self.initial.update(label=connection.label, country=connection.country, time_zone=connection.time_zone)
        for spec in self.specs:
            self.fields[field_name(spec)] = self._field(spec)

    def _field(self, spec: ConfigField) -> forms.Field:
        row = self.connection
        if not spec.secret:
            stored = (row.settings or {}).get(spec.name, spec.default) if row else spec.default
            return setting_field(spec, initial=stored)
        known = str((row.secrets or {}).get(spec.name, "")) if row else ""
        words = _("Stored: %(mask)s. Leave empty to keep it.") % {"mask": masked(known)} if known else worded(spec.help)
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        return forms.CharField(label=worded(spec.label), help_text=words, required=spec.required and not known, widget=widget)

    def plain(self) -> list[forms.BoundField]:
        """What nearly everybody enters."""
        return [field for field in self.visible_fields() if field.name not in self._seldom()]

    def seldom(self) -> list[forms.BoundField]:
        return [self[name] for name in self._seldom()]

    def seldom_open(self) -> bool:
        """Whether something of that is entered or wrong, or another way than the usual one was chosen, which may need it."""
        usual = {field_name(spec): spec.default for spec in self.specs if not spec.secret}
        chosen = [self[field_name(spec)] for spec in self.specs if spec.choices and not spec.seldom and not spec.required]
        return any(field.errors or (field.value() or "") != usual.get(field.name, "") for field in [*self.seldom(), *chosen])

    def _seldom(self) -> list[str]:
        return [field_name(spec) for spec in self.specs if spec.seldom]

    def given(self, prefix: str) -> dict[str, str]:
        return {name.removeprefix(prefix): str(value) for name, value in self.cleaned_data.items() if name.startswith(prefix)}

    @property
    def settings(self) -> dict[str, str]:
        return self.given(SETTING)

    @property
    def secrets(self) -> dict[str, str]:
        return self.given(SECRET)

    @property
    def once(self) -> str:
        return str(self.cleaned_data.get("form") or "")

    @property
    def zone(self) -> str:
        return self.cleaned_data["time_zone"] or ZONES.get(self.cleaned_data["country"], "UTC")


def _usual_country() -> str:
    """Where the first connection is: most likely the next one is there, too."""
    return Connection.objects.exclude(country="").order_by("pk").values_list("country", flat=True).first() or ""


def made_by(form: str, *, adapter: str, owner: User) -> Connection | None:
    """The connection that came from this form, if it was sent before."""
    rows = Connection.objects.filter(adapter=adapter, owner=owner, **{f"facts__{FORM}": form}) if form else Connection.objects.none()
    return rows.first()


def free_slug(label: str, adapter: str) -> str:
    """An address for the connection that nobody has yet: from its name, or from the adapter's where the name has no Latin letters."""
    base = slugify(label)[:40] or adapter.replace("_", "-")
    slug, number = base, 2
    while Connection.objects.filter(slug=slug).exists():
        slug, number = f"{base}-{number}", number + 1
    return slug
