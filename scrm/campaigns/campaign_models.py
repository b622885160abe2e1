"""One template to many people, and what became of each of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scrm.conversations.models import MessageTemplate


class Campaign(models.Model):
    """A template that goes to everybody in a segment, each at most once. See `campaigns.py` for what people do, `running.py` for the rest.

    DRAFT --prepare--> PREPARING --> READY --start--> RUNNING <--> PAUSED, and at last DONE or STOPPED. The audience is taken when it is
    prepared: contacts up to the id `looked_to`, until `taken_at`; then each is judged, until `prepared_at`. `day`, `of_day`: how many were
    handed over on the number's business day, where that is bounded; `rests_until`: nothing to do before. `costs`: what those who will get
    it cost, by currency; `unpriced`: how many of them the price list says nothing about. `trouble`: what stopped it by itself, in words.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PREPARING = "preparing", _("Being checked")
        READY = "ready", _("Checked")
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        STOPPED = "stopped", _("Stopped")
        DONE = "done", _("Done")

    name = models.CharField(_("name"), max_length=80, unique=True)
    segment = models.ForeignKey("campaigns.Segment", verbose_name=_("segment"), on_delete=models.PROTECT, related_name="+")
    template = models.ForeignKey(MessageTemplate, verbose_name=_("template"), on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField(_("not before"), null=True, blank=True, help_text=_("Empty: as soon as it is started."))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False)
    started_at = models.DateTimeField(_("started"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)
    looked_to = models.BigIntegerField(default=0, editable=False)
    taken_at = models.DateTimeField(null=True, editable=False)
    prepared_at = models.DateTimeField(_("checked"), null=True, editable=False)
    people = models.PositiveIntegerField(_("people"), default=0, editable=False)
    eligible = models.PositiveIntegerField(_("will get it"), default=0, editable=False)
    costs = models.JSONField(default=dict, editable=False)
    unpriced = models.PositiveIntegerField(default=0, editable=False)
    day = models.DateField(null=True, editable=False)
    of_day = models.PositiveIntegerField(default=0, editable=False)
    rests_until = models.DateTimeField(null=True, editable=False)
    trouble = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        permissions = [("send_campaign", "Can start, pause and stop campaigns")]
        indexes = [
            models.Index(
                fields=["rests_until", "id"], condition=Q(state__in=["preparing", "running", "stopped"]), name="campaigns_campaign_at_work"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Recipient(models.Model):
    """One contact of a campaign's audience. `reason`: why it was left out, or waits: a rule of the law, or one of `Reason`."""

    class State(models.TextChoices):
        FOUND = "found", _("In the audience")
        WAITING = "waiting", _("Waits for its turn")
        SENT = "sent", _("Handed to the outbox")
        LEFT_OUT = "left_out", _("Left out")

    class Reason(models.TextChoices):
        NO_ADDRESS = "no_address", _("No address on the channel of this number.")
        SAME_PERSON = "same_person", _("Another record of the same person is in the audience.")
        STOPPED = "stopped", _("The campaign was stopped before its turn.")
        NOT_FILLABLE = "not_fillable", _("The template cannot be filled for this person.")

    campaign = models.ForeignKey(Campaign, verbose_name=_("campaign"), on_delete=models.CASCADE, related_name="recipients", db_index=False)
    contact = models.ForeignKey("contacts.Contact", verbose_name=_("contact"), on_delete=models.CASCADE, related_name="+")
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.FOUND)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    until = models.DateTimeField(_("not before"), null=True)
    message = models.OneToOneField("conversations.Message", null=True, on_delete=models.SET_NULL, related_name="campaign_recipient")

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints = [models.UniqueConstraint(fields=["campaign", "contact"], name="campaigns_recipient_once")]
        indexes = [models.Index(fields=["campaign", "state", "id"], name="campaigns_recipient_state")]

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.contact_id}"
