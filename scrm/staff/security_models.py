"""What stands between a password and the console: the second factor, its recovery codes, and how often somebody guessed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.core.fields import EncryptedJSONField


class SecondFactor(models.Model):
    """The secret that a person's authenticator app shares with us. It counts from `confirmed_at` on, when a first code was right."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, verbose_name=_("person"), on_delete=models.CASCADE, related_name="second_factor")
    secret = EncryptedJSONField()
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(_("in use since"), null=True, blank=True)
    # The half-minute of the last code that was taken: each code opens once.
    last_step = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    def __str__(self) -> str:
        return str(self.user)


class RecoveryCode(models.Model):
    """Opens once when the phone is lost. Only a digest is kept."""

    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")
        constraints = [models.UniqueConstraint(fields=["factor", "digest"], name="staff_recovery_once")]

    def __str__(self) -> str:
        return str(self.factor_id)


class Guessing(models.Model):
    """Attempts to log in to one account, or from one address, since the last right one. `key` tells neither."""

    key = models.CharField(max_length=64, unique=True)
    attempts = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)
    closed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("log-in attempts")
        verbose_name_plural = _("log-in attempts")

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.attempts}"
