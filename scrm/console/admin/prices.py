"""The platforms' price list, as the business enters it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from scrm.console.admin.base import ConsoleAdmin
from scrm.conversations import prices
from scrm.conversations.models import MessagePrice


@admin.register(MessagePrice)
class MessagePriceAdmin(ConsoleAdmin):
    """A new price is a new row with its day: what was billed before keeps its own."""

    list_display = ("platform", "shown_country", "shown_category", "amount", "currency", "valid_from")
    list_filter = ("platform", "currency")
    sortable_by = ()
    ordering = ("platform", "country", "category", "-valid_from")
    fields = ("platform", ("country", "category"), ("amount", "currency"), "valid_from")

    @display(description=_("recipient's country"))
    def shown_country(self, row: MessagePrice) -> str:
        return row.country or str(_("everywhere else"))

    @display(description=_("category"))
    def shown_category(self, row: MessagePrice) -> str:
        return str(row.get_category_display())

    def save_model(self, request: HttpRequest, obj: MessagePrice, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        prices.price_list_changed()

    def delete_model(self, request: HttpRequest, obj: MessagePrice) -> None:
        super().delete_model(request, obj)
        prices.price_list_changed()
