"""Partners' tokens: made here, shown once, revoked here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from scrm.api.models import PartnerToken
from scrm.api.scopes import SCOPES, UNLIMITED
from scrm.api.services import issue_token, revoke_token
from scrm.console.admin.base import ConsoleAdmin


class TokenForm(forms.ModelForm[PartnerToken]):
    scopes = forms.MultipleChoiceField(
        label=_("scopes"),
        choices=lambda: [(name, f"{name}: {words}") for name, words in SCOPES.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = PartnerToken
        fields = ("name", "scopes", "channels", "expires_at")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("channels") and (beyond := sorted(UNLIMITED & set(given.get("scopes", ())))):
            told = gettext("These do not end at a channel, so a token that is limited to some cannot have them: %(scopes)s")
            raise forms.ValidationError({"scopes": told % {"scopes": ", ".join(beyond)}})
        return given


@admin.register(PartnerToken)
class PartnerTokenAdmin(ConsoleAdmin):
    list_display = ("name", "prefix", "shown_scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
    form = TokenForm
    autocomplete_fields = ("channels",)
    actions = ("revoke",)
    ordering = ("-created_at",)
    older_by = ""

    @admin.display(description=_("scopes"))
    def shown_scopes(self, row: PartnerToken) -> str:
        return ", ".join(row.scopes)

    def has_change_permission(self, request: HttpRequest, obj: PartnerToken | None = None) -> bool:
        return False if obj else super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: PartnerToken | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: PartnerToken, form: Any, change: bool) -> None:
        given = form.cleaned_data
        made, plaintext = issue_token(given["name"], given["scopes"], given.get("expires_at"), channels=given["channels"])
        obj.pk = made.pk
        words = gettext("Copy the token now, it is not shown again: %(token)s") % {"token": plaintext}
        self.message_user(request, words, messages.WARNING)

    @action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[PartnerToken]) -> None:
        for token in queryset:
            revoke_token(token)
        self.message_user(request, gettext("Revoked."))

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("api.change_partnertoken")
