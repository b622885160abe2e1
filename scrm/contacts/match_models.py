"""Who may be the same person: the rules in force, pairs with their evidence, and the cases that supervisors decide."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class MatchRules(models.Model):
    """One version of how two records are compared. A draft is tried, its effect counted, then published; the one before is retired."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("In force")
        RETIRED = "retired", _("Retired")

    version = models.PositiveIntegerField(_("version"), unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT)
    # Thresholds that people read and set: see matching.rules.Settings.
    settings = models.JSONField(_("settings"), default=dict)
    # What each piece of evidence counts, in log odds: see matching.scoring.
    weights = models.JSONField(_("weights"), default=dict)
    effect = models.JSONField(_("effect"), default=dict, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    created_by = models.CharField(_("created by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("created"))
    published_by = models.CharField(_("published by"), max_length=150, blank=True)
    published_at = models.DateTimeField(_("published"), null=True, blank=True)

    class Meta:
        verbose_name = _("matching rules")
        verbose_name_plural = _("matching rules")
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["state"], condition=Q(state="published"), name="contacts_rules_one_in_force")]

    def __str__(self) -> str:
        return str(_("Version %(number)s") % {"number": self.version})


class DuplicateCase(models.Model):
    """A cluster of contacts that may be one person, as a supervisor gets it to decide."""

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("case", "Open")
        LATER = "later", _("Later")
        DONE = "done", _("Decided")
        GONE = "gone", _("No longer a case")

    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    score = models.FloatField(_("score"), help_text=_("The likelihood of its surest pair, 0 to 1."))
    size = models.PositiveSmallIntegerField(_("contacts"))
    proposal = models.CharField(_("proposal"), max_length=10, choices=[("merge", _("merge")), ("review", _("look"))], default="review")
    claimed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    claimed_until = models.DateTimeField(null=True, blank=True)
    later_until = models.DateTimeField(_("again from"), null=True, blank=True)
    decision = models.CharField(_("decision"), max_length=10, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    created_at = models.DateTimeField(_("found"))

    class Meta:
        verbose_name = _("duplicate")
        verbose_name_plural = _("duplicates")
        indexes = [
            models.Index(fields=["-score", "id"], condition=Q(state="open"), name="contacts_cases_open"),
            models.Index(fields=["later_until"], condition=Q(state="later"), name="contacts_cases_later"),
            models.Index(fields=["decided_by", "-decided_at"], name="contacts_cases_decided"),
        ]

    def __str__(self) -> str:
        return str(_("Case %(id)s") % {"id": self.pk})


class CandidateQuerySet(models.QuerySet["DuplicateCandidate"]):
    def asked(self) -> CandidateQuerySet:
        """What people are asked about: not what is open with a merged record, or with somebody who was kept apart from the person."""
        return self.filter(state=DuplicateCandidate.State.OPEN, case__isnull=False)


class DuplicateCandidate(models.Model):
    """Two contacts that may be one person, with the evidence for and against. `first` is the lower id.

    `evidence`: [{"code": "same_phone", "for": true, "weight": 6.1, "with": {...}}, ...], worded by `matching.words`.
    """

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("pair", "Open")
        MERGED = "merged", _("Merged")
        APART = "apart", _("Kept apart")
        LINKED = "linked", _("Linked only")
        GONE = "gone", _("No longer alike")

    first = models.ForeignKey("contacts.Contact", verbose_name=_("contact"), on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey("contacts.Contact", verbose_name=_("other contact"), on_delete=models.CASCADE, related_name="+")
    case = models.ForeignKey(
        DuplicateCase, verbose_name=_("case"), null=True, blank=True, on_delete=models.SET_NULL, related_name="candidates"
    )
    score = models.FloatField(_("score"), help_text=_("The likelihood that both are one person, 0 to 1."))
    evidence = models.JSONField(_("evidence"), default=list)
    rules_version = models.PositiveIntegerField(_("rules"), default=0)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    found_at = models.DateTimeField(_("found"))

    objects = CandidateQuerySet.as_manager()

    class Meta:
        verbose_name = _("pair of contacts")
        verbose_name_plural = _("pairs of contacts")
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="contacts_candidate_once"),
            models.CheckConstraint(condition=Q(first_id__lt=models.F("second_id")), name="contacts_candidate_ordered"),
        ]
        indexes = [models.Index(fields=["-score", "id"], condition=Q(state="open"), name="contacts_candidates_open")]

    def __str__(self) -> str:
        return f"{self.first_id} = {self.second_id}?"
