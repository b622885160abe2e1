"""The objects that are kept in step."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    CONTACT = "contact", _("contact")
    COMMUNICATION = "communication", _("communication")
    DEAL = "deal", _("deal")
    CASE = "case", _("case")
    ORDER = "order", _("order")
    PRODUCT = "product", _("product")


# Of these the CRM has the last word, and we keep a copy (`SaleState`).
SALES = frozenset({Kind.DEAL.value, Kind.CASE.value})
