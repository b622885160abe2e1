"""Products, orders and shipments."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from scrm.commerce.models import Order, OrderLine, Product, Shipment
from scrm.commerce.money import written
from scrm.console.admin.base import Colours, ConsoleAdmin
from scrm.sync.order_items import shown


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
