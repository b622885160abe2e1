"""What is sold and what was ordered; comes from the CRM, by API or CSV."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.contacts.models import Contact


class Product(models.Model):
    sku = models.CharField(_("SKU"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=200)
    names = models.JSONField(_("names by language"), default=dict, blank=True)
    aliases = models.JSONField(_("aliases"), default=list, blank=True, help_text=_("What customers type for it."))
    prices = models.JSONField(_("prices by currency"), default=dict, blank=True)
    active = models.BooleanField(_("on sale"), default=True)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["sku"]

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"


class Order(models.Model):
    class Status(models.TextChoices):
        PAID = "paid", _("Paid")
        PACKED = "packed", _("Packed")
        SHIPPED = "shipped", _("Shipped")
        OUT_FOR_DELIVERY = "out_for_delivery", _("Out for delivery")
        DELIVERED = "delivered", _("Delivered")
        CANCELLED = "cancelled", _("Cancelled")

    number = models.CharField(_("number"), max_length=60, unique=True)
    contact = models.ForeignKey(Contact, verbose_name=_("contact"), null=True, on_delete=models.PROTECT, related_name="orders")
    status = models.CharField(_("status"), max_length=20, choices=Status.choices)
    currency = models.CharField(_("currency"), max_length=3)
    total = models.DecimalField(_("total"), max_digits=14, decimal_places=2)
    placed_at = models.DateTimeField(_("placed"))
    # What was ordered besides its lines, as a CRM says it: products that the catalogue does not have, and amounts that no line can hold.
    # [{"sku", "name", "quantity", "unit_price"}], all texts.
    other_lines = models.JSONField(_("other lines"), default=list, db_default=models.Value([], models.JSONField()), editable=False)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        indexes = [models.Index(fields=["-placed_at", "-id"], name="commerce_order_by_time")]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    order = models.ForeignKey(Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    unit_price = models.DecimalField(_("unit price"), max_digits=14, decimal_places=2)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product}"


class Shipment(models.Model):
    order = models.ForeignKey(Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="shipments")
    carrier = models.CharField(_("carrier"), max_length=60)
    tracking_number = models.CharField(_("tracking number"), max_length=80)
    tracking_url = models.URLField(_("tracking link"), blank=True, max_length=500)
    status = models.CharField(_("status"), max_length=60, blank=True)
    expected_at = models.DateTimeField(_("expected"), null=True, blank=True)

    class Meta:
        verbose_name = _("shipment")
        verbose_name_plural = _("shipments")

    def __str__(self) -> str:
        return f"{self.carrier} {self.tracking_number}"


class Coupon(models.Model):
    """A code that a person was given, a row each time: the same code may have come twice. What it is worth the text says.

    `message_pk`: the message that brought it (messages live in an app above this one); `by`: who sent it, or noted it by hand.
    """

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="coupons")
    code = models.CharField(_("code"), max_length=60)
    text = models.CharField(_("what it gives"), max_length=300, blank=True)
    given_at = models.DateTimeField(_("given"))
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)
    cause = models.CharField(_("cause"), max_length=120, blank=True)
    message_pk = models.BigIntegerField(null=True, editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("given by"), null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        indexes = [
            models.Index(fields=["-given_at", "-id"], name="commerce_coupon_by_time"),
            models.Index(fields=["code", "id"], name="commerce_coupon_by_code"),
        ]
        constraints = [models.UniqueConstraint(fields=["message_pk", "code"], name="commerce_coupon_once_a_message")]

    def __str__(self) -> str:
        return self.code
