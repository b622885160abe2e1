"""What happened to a message template, and how reading an account's templates went."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection


class TemplateChange(models.Model):
    """One change of a template, told by the platform or made here. Rows are only added."""

    class Kind(models.TextChoices):
        STATUS = "status", _("Status")
        QUALITY = "quality", _("Quality")
        CATEGORY = "category", _("Category")
        ANNOUNCED = "announced", _("Category announced")
        TEXT = "text", _("Text")
        NOTE = "note", _("Note")

    template = models.ForeignKey(
        "conversations.MessageTemplate",
        verbose_name=_("message template"),
        on_delete=models.CASCADE,
        related_name="changes",
        db_index=False,
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    before = models.CharField(_("before"), max_length=20, blank=True)
    after = models.CharField(_("after"), max_length=20, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    at = models.DateTimeField(_("time"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )

    class Meta:
        verbose_name = _("change of a template")
        verbose_name_plural = _("changes of templates")
        indexes = [models.Index(fields=["template", "-at", "-id"], name="conversations_template_changes")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.before} → {self.after}"


class TemplateSync(models.Model):
    """How reading the templates of one account goes: asked for, begun, ended, and with what result."""

    connection = models.OneToOneField(Connection, verbose_name=_("connection"), on_delete=models.CASCADE, related_name="template_sync")
    asked_at = models.DateTimeField(_("asked"), null=True, blank=True)
    started_at = models.DateTimeField(_("begun"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)
    read = models.PositiveIntegerField(_("templates read"), default=0)
    changed = models.PositiveIntegerField(_("templates changed"), default=0)
    error = models.CharField(_("error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("reading of templates")
        verbose_name_plural = _("readings of templates")

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.read}"
