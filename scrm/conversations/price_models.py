"""What the platforms charge for a message, as the business enters it from their price lists."""

from __future__ import annotations

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class MessagePrice(models.Model):
    """The price of one billed message from a day on, until a later row of the same kind. By category and recipient country.

    WhatsApp changes prices on the first day of a quarter; a row is added for the new price, and what was billed keeps its own.
    """

    class Platform(models.TextChoices):
        WHATSAPP = "whatsapp", "WhatsApp"
        LINE = "line", "LINE"
        CHATAPI = "chatapi", _("HTTP gateway")

    class Category(models.TextChoices):
        MARKETING = "marketing", _("promotion")
        MARKETING_LITE = "marketing_lite", _("promotion (lite)")
        UTILITY = "utility", _("service notice")
        AUTHENTICATION = "authentication", _("authentication")
        AUTHENTICATION_INTERNATIONAL = "authentication_international", _("authentication, international")
        SERVICE = "service", _("service reply")
        ANY = "", _("any other")

    platform = models.CharField(_("platform"), max_length=20, choices=Platform.choices, default=Platform.WHATSAPP)
    country = models.CharField(
        _("recipient's country"),
        max_length=2,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{2}$", _("Two capital letters, e.g. HK."))],
        help_text=_("ISO 3166, e.g. HK. Empty: every country without a row of its own."),
    )
    category = models.CharField(_("category"), max_length=40, choices=Category.choices, blank=True)
    currency = models.CharField(
        _("currency"), max_length=3, validators=[RegexValidator(r"^[A-Z]{3}$", _("Three capital letters, e.g. USD."))]
    )
    amount = models.DecimalField(_("price of one message"), max_digits=12, decimal_places=6, validators=[MinValueValidator(0)])
    valid_from = models.DateField(_("valid from"))

    class Meta:
        verbose_name = _("message price")
        verbose_name_plural = _("message prices")
        ordering = ["platform", "country", "category", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["platform", "country", "category", "valid_from"], name="conversations_price_once"),
        ]

    def __str__(self) -> str:
        return f"{self.platform} {self.country or '*'} {self.category or '*'}: {self.amount} {self.currency}"
