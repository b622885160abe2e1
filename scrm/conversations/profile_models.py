"""People whose name is still to be asked for."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection
from scrm.contacts.models import Identity


class ProfileLookup(models.Model):
    """A name to be fetched from the platform: on LINE a message says who wrote by an id alone. Gone when told, or given up."""

    identity = models.OneToOneField(Identity, on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("name to be asked for")
        verbose_name_plural = _("names to be asked for")

    def __str__(self) -> str:
        return str(self.identity_id)
