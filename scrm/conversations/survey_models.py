"""Asking customers how they found the service."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.connections.models import Connection
from scrm.staff.models import Team


class SurveyPlan(models.Model):
    """Whether and how often the customers of a number are asked."""

    connection = models.OneToOneField(
        Connection, verbose_name=_("number"), on_delete=models.CASCADE, related_name="+", limit_choices_to={"kind": "channel"}
    )
    active = models.BooleanField(_("switched on"), default=True)
    every_days = models.PositiveSmallIntegerField(
        _("days between two surveys"),
        default=30,
        validators=[MinValueValidator(1)],
        help_text=_("One person is asked no more often, whatever the number of conversations."),
    )
    follow_up_at = models.PositiveSmallIntegerField(
        _("a person looks at answers up to"),
        default=2,
        validators=[MaxValueValidator(5)],
        help_text=_("From 1 to 5; such an answer opens the conversation again. 0: never."),
    )
    question = models.CharField(
        _("question"), max_length=500, blank=True, help_text=_("Empty: ours, in the customer's language (English, Japanese, Chinese).")
    )

    class Meta:
        verbose_name = _("satisfaction survey")
        verbose_name_plural = _("satisfaction surveys")

    def __str__(self) -> str:
        return str(self.connection)


class Survey(models.Model):
    """One conversation's survey: asked once, answered once or never. `agent` and `team`: as they stood when it was closed."""

    class State(models.TextChoices):
        ASKED = "asked", _("Asked")
        SKIPPED = "skipped", _("Not asked")
        ANSWERED = "answered", _("Answered")

    conversation = models.OneToOneField("conversations.Conversation", on_delete=models.CASCADE, related_name="survey")
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("agent"), null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    team = models.ForeignKey(Team, verbose_name=_("team"), null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    follow_up_at = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(_("asked"))
    score = models.PositiveSmallIntegerField(_("score"), null=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    comment = models.TextField(_("comment"), blank=True)

    class Meta:
        verbose_name = _("survey answer")
        verbose_name_plural = _("survey answers")
        indexes = [models.Index(fields=["answered_at"], condition=models.Q(state="answered"), name="conversations_survey_answered")]

    def __str__(self) -> str:
        return f"{self.score or '-'} · {self.asked_at:%Y-%m-%d}"
