"""Answers that agents give again and again."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class QuickReply(models.Model):
    """An answer that agents give often: picked by '/shortcut' in the composer. {{name}} stands for the customer's first name."""

    shortcut = models.CharField(_("shortcut"), max_length=30)
    language = models.CharField(_("language"), max_length=10, blank=True)
    title = models.CharField(_("title"), max_length=80)
    text = models.TextField(_("text"))
    used = models.PositiveIntegerField(_("used"), default=0)

    class Meta:
        verbose_name = _("quick reply")
        verbose_name_plural = _("quick replies")
        ordering = ["shortcut", "language"]
        constraints = [models.UniqueConstraint(fields=["shortcut", "language"], name="conversations_quick_reply_once")]

    def __str__(self) -> str:
        return f"/{self.shortcut} {self.title}"
