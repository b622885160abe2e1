"""Rules and the record of every time one was asked."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from scrm.contacts.models import Contact, Event


class Rule(models.Model):
    """When `trigger` happens and the conditions hold, do the action. Each change makes a new version."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    trigger = models.CharField(_("when"), max_length=40, default="message.received")
    conditions = models.JSONField(_("conditions"), default=dict, blank=True)
    action = models.CharField(_("do"), max_length=40)
    options = models.JSONField(_("with"), default=dict, blank=True)
    settle_seconds = models.PositiveSmallIntegerField(
        _("wait before evaluating (s)"),
        null=True,
        blank=True,
        help_text=_("So that related events have arrived. Empty: the general setting."),
    )
    enabled = models.BooleanField(_("switched on"), default=False)
    order = models.PositiveSmallIntegerField(pgettext_lazy("sequence", "order"), default=100)
    stop_processing = models.BooleanField(_("no further rules after a match"), default=True)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("automation rule")
        verbose_name_plural = _("automation rules")
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One evaluation of one rule for one event, negative ones too, with the truth of each condition."""

    class Verdict(models.TextChoices):
        DONE = "done", _("done")
        NOT_MATCHED = "not_matched", _("conditions not met")
        BLOCKED = "blocked", _("blocked by policy")
        DEFERRED = "deferred", _("deferred by policy")
        STOPPED = "stopped", _("an earlier rule answered")
        FAILED = "failed", _("failed")

    rule = models.ForeignKey(Rule, verbose_name=_("rule"), on_delete=models.CASCADE, related_name="runs", db_index=False)
    rule_version = models.PositiveIntegerField(_("version"))
    event = models.ForeignKey(Event, verbose_name=_("event"), on_delete=models.CASCADE, related_name="runs")
    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="rule_runs", db_index=False)
    verdict = models.CharField(_("verdict"), max_length=12, choices=Verdict.choices)
    trace = models.JSONField(_("conditions"), default=list)
    result = models.JSONField(_("result"), default=dict)
    evaluated_at = models.DateTimeField(_("evaluated"))

    class Meta:
        verbose_name = _("rule evaluation")
        verbose_name_plural = _("rule evaluations")
        constraints = [models.UniqueConstraint(fields=["rule", "event"], name="automation_run_once")]
        indexes = [
            models.Index(fields=["contact", "-evaluated_at"], name="automation_run_who"),
            models.Index(fields=["-evaluated_at", "-id"], name="automation_run_when"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} · {self.get_verdict_display()}"
