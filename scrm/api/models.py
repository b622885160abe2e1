"""Tokens that partners call with. Only a hash is kept; the token is shown once."""

from __future__ import annotations

from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection


class PartnerToken(models.Model):
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(_("scopes"), default=list, help_text=_("For example contacts:read, messages:read."))
    channels = models.ManyToManyField(
        Connection,
        verbose_name=_("channels"),
        blank=True,
        related_name="+",
        limit_choices_to={"kind": "channel"},
        help_text=_("What the partner sees: conversations on these, and the people in them. None chosen: everything."),
    )
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("partner token")
        verbose_name_plural = _("partner tokens")

    @cached_property
    def channel_ids(self) -> frozenset[int] | None:
        """The channels that it is limited to, None for no limit."""
        return frozenset(self.channels.values_list("pk", flat=True)) or None

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
