"""Products, orders, shipments and coupons."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from scrm.commerce.coupons import state_of
from scrm.commerce.models import Coupon, Order, OrderLine, Product, Shipment
from scrm.commerce.money import written
from scrm.console.access import person
from scrm.console.admin.base import Colours, ConsoleAdmin
from scrm.core import clock
from scrm.sync.order_items import shown

STATES = {"valid": _("valid"), "used": _("already used"), "expired": _("expired")}


@admin.register(Product)
class ProductAdmin(ConsoleAdmin):
    list_display = ("sku", "name", "active")
    list_filter = ("active",)
    search_fields = ("sku", "name")
    older_by = ""


class OrderLineInline(TabularInline):  # type: ignore[misc]
    model = OrderLine
    extra = 0
    autocomplete_fields = ("product",)


class ShipmentInline(TabularInline):  # type: ignore[misc]
    model = Shipment
    extra = 0


@admin.register(Order)
class OrderAdmin(ConsoleAdmin):
    list_display = ("number", "shown_contact", "shown_status", "shown_total", "placed_at")
    list_filter = ("status",)
    search_fields = ("number",)
    search_help_text = _("The order's number, from its beginning")
    ordering = ("-placed_at", "-id")
    older_by = "placed_at"
    sortable_by = ()
    list_select_related = ("contact",)
    autocomplete_fields = ("contact",)
    inlines = (OrderLineInline, ShipmentInline)
    readonly_fields = ("shown_other_lines",)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Order], search_term: str) -> tuple[QuerySet[Order], bool]:
        return (queryset.filter(number__startswith=search_term.strip()) if search_term.strip() else queryset), False

    @display(description=_("other lines, as the CRM says them"))
    def shown_other_lines(self, row: Order) -> str:
        return "\n".join(shown(**each) for each in row.other_lines) or "—"

    @display(description=_("contact"))
    def shown_contact(self, row: Order) -> str:
        return str(row.contact or "")

    @display(
        description=_("status"),
        label=Colours(
            paid="info",
            packed="info",
            shipped="warning",
            out_for_delivery="warning",
            delivered="success",
            cancelled="danger",
        ),
    )
    def shown_status(self, row: Order) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @display(description=_("total"))
    def shown_total(self, row: Order) -> str:
        return written(row.currency, row.total)


@admin.register(Coupon)
class CouponAdmin(ConsoleAdmin):
    """What was given stands; that it was used, and until when it counts, a person may correct."""

    list_display = ("code", "shown_contact", "text", "given_at", "expires_at", "shown_state")
    search_fields = ("code",)
    search_help_text = _("The code, from its beginning")
    ordering = ("-given_at", "-id")
    older_by = "given_at"
    sortable_by = ()
    list_select_related = ("contact",)
    autocomplete_fields = ("contact",)
    fields = ("contact", "code", "text", "expires_at", "used_at", "given_at", "by", "cause")
    readonly_fields = ("given_at", "by", "cause")

    def get_readonly_fields(self, request: HttpRequest, obj: Coupon | None = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "contact", "code") if obj is not None else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Coupon, form: Any, change: bool) -> None:
        if not change:
            obj.given_at, obj.by = clock.now(), person(request)
        super().save_model(request, obj, form, change)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Coupon], search_term: str) -> tuple[QuerySet[Coupon], bool]:
        return (queryset.filter(code__startswith=search_term.strip()) if search_term.strip() else queryset), False

    @display(description=_("contact"))
    def shown_contact(self, row: Coupon) -> str:
        return str(row.contact)

    @display(description=_("state"), label=Colours(valid="success", used="info", expired="warning"))
    def shown_state(self, row: Coupon) -> tuple[str, Any]:
        state = state_of(row)
        return state, STATES[state]
