"""How duplicates are found: versions of the rules as drafts, what a draft would change, publishing one and going back to another."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from scrm.console.admin.base import Colours, ConsoleAdmin
from scrm.console.admin.forms import themed
from scrm.contacts.matching import learning, publishing, words
from scrm.contacts.matching.rules import Settings
from scrm.contacts.models import MatchRules

READABLE = ("name_similarity", "sku_days", "review_from", "merge_from")


class MatchRulesForm(forms.ModelForm[MatchRules]):
    name_similarity = forms.IntegerField(
        label=_("Names are near from (similarity in percent)"),
        help_text=_("100 less the share of letters that must be changed to turn one into the other."),
    )
    sku_days = forms.IntegerField(label=_("Days between purchases of the same SKU"))
    review_from = forms.FloatField(label=_("Ask people from (likelihood in percent)"))
    merge_from = forms.FloatField(
        label=_("Propose merging from (likelihood in percent)"),
        help_text=_("A proposal, no more: a person decides each. Shared numbers are never proposed."),
    )
    id_fields = forms.CharField(
        label=_("Further fields that identify a person"), required=False, help_text=_("Names of further fields, one a line.")
    )
    learn = forms.BooleanField(
        label=_("Draw the weights from decisions"),
        required=False,
        help_text=_("From what supervisors merged, linked and kept apart so far."),
    )

    class Meta:
        model = MatchRules
        fields = ("note",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = Settings.read(self.instance.settings) if self.instance.pk else publishing.in_force().settings
        for name in READABLE:
            self.fields[name].initial = getattr(settings, name)
        self.fields["id_fields"].widget = forms.Textarea(attrs={"rows": 2})
        self.fields["id_fields"].initial = "\n".join(settings.id_fields)
        self._before = settings

    def chosen(self) -> Settings:
        values = {**self._before.as_json(), **{name: self.cleaned_data[name] for name in READABLE}}
        values["id_fields"] = [line.strip() for line in self.cleaned_data["id_fields"].splitlines() if line.strip()]
        return Settings.read(values)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            for name, code in self.chosen().problems().items():
                self.add_error(name, words.problem(code))
            if cleaned.get("learn"):
                try:
                    learning.check()
                except ValidationError as error:
                    self.add_error("learn", error)
        return cleaned


@admin.register(MatchRules)
class MatchRulesAdmin(ConsoleAdmin):
    list_display = ("shown_version", "shown_state", "note", "shown_effect", "created_by", "created_at", "published_by", "published_at")
    list_filter = ("state",)
    ordering = ("-version",)
    older_by = ""
    form = MatchRulesForm
    readonly_fields = ("shown_effect", "shown_weights", "created_by", "created_at", "published_by", "published_at")
    actions = ("count_effect", "publish_selected")

    @display(description=_("version"), ordering="version")
    def shown_version(self, row: MatchRules) -> str:
        return str(row)

    @display(description=_("state"), ordering="state", label=Colours(draft="info", published="success"))
    def shown_state(self, row: MatchRules) -> tuple[str, Any]:
        return row.state, row.get_state_display()

    @display(description=_("effect"))
    def shown_effect(self, row: MatchRules) -> str:
        found = row.effect
        if not found:
            return gettext("Not counted yet")
        lines = [
            gettext("%(looked_at)s of %(contacts)s contacts compared again: %(newly)s pairs more, %(no_longer)s fewer.") % found,
            gettext("Proposed for merging: %(proposed_newly)s more, %(proposed_no_longer)s fewer.") % found,
        ]
        if found.get("decided") and found.get("precision") is not None:
            shares = {name: round(100 * (found.get(name) or 0), 1) for name in ("precision", "precision_now", "recall", "recall_now")}
            text = gettext(
                "Of %(decided)s decided pairs: %(precision)s%% of those shown are one person (now %(precision_now)s%%), "
                "and %(recall)s%% of all that are one person are shown (now %(recall_now)s%%)."
            )
            lines.append(text % {**shares, "decided": found["decided"]})
        return " ".join(lines)

    @display(description=_("weights"))
    def shown_weights(self, row: MatchRules) -> str:
        """In log odds, what counts most first, beside the version in force."""
        now = publishing.in_force().weights
        mine = publishing.rules_of(row).weights
        lines = [
            (words.sentence({"code": code}), f"{weight:+.2f}", f"{now.get(code, 0.0):+.2f}")
            for code, weight in publishing.readable(mine)
            if code != "bias"
        ]
        return format_html_join("", "{} <b>{}</b> ({})<br>", lines)

    def get_form(self, request: HttpRequest, obj: MatchRules | None = None, change: bool = False, **kwargs: Any) -> Any:
        return themed(MatchRulesForm)

    def get_fieldsets(self, request: HttpRequest, obj: MatchRules | None = None) -> Any:
        own = (*READABLE, "id_fields", "note")
        if obj is None:
            return [(None, {"fields": (*own, "learn")})]
        if obj.state != MatchRules.State.DRAFT:
            return [(None, {"fields": ("note", *self.readonly_fields)})]
        return [(None, {"fields": own}), (_("Effect"), {"fields": self.readonly_fields})]

    def has_change_permission(self, request: HttpRequest, obj: MatchRules | None = None) -> bool:
        if obj is not None and obj.state != MatchRules.State.DRAFT:
            return False
        return bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: MatchRules | None = None) -> bool:
        return False  # what was in force explains the pairs that it found

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("contacts.change_matchrules"))

    def save_model(self, request: HttpRequest, obj: MatchRules, form: Any, change: bool) -> None:
        if change:
            obj.settings, obj.effect = form.chosen().as_json(), {}
            obj.save(update_fields=["settings", "effect", "note"])
            return
        weights = learning.learned() if form.cleaned_data["learn"] else None
        made = publishing.draft(by=request.user.get_username(), settings=form.chosen(), weights=weights, note=obj.note)
        obj.__dict__.update(made.__dict__)

    @action(description=_("Count the effect"), permissions=["publish"])
    def count_effect(self, request: HttpRequest, queryset: QuerySet[MatchRules]) -> None:
        for row in queryset:
            learning.count_effect(row)
            self.message_user(request, f"{row}: {self.shown_effect(row)}")

    @action(description=pgettext_lazy("rules", "Publish"), permissions=["publish"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[MatchRules]) -> None:
        rows = list(queryset[:2])
        if len(rows) != 1:
            self.message_user(request, gettext("Select one version to publish."), messages.ERROR)
            return
        try:
            publishing.publish(rows[0], by=request.user.get_username())
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return
        text = gettext("%(version)s is in force. To go back, publish the one before.") % {"version": rows[0]}
        self.message_user(request, text, messages.SUCCESS)
