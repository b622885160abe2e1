"""Tags, the rules that put them, and the evidence for each."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.contacts.models import Contact
from scrm.conversations.models import Conversation, Message


class Tag(models.Model):
    slug = models.SlugField(_("slug"), max_length=60, unique=True, allow_unicode=True)
    name = models.CharField(_("name"), max_length=60)
    color = models.CharField(_("colour"), max_length=10, default="blue")

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TagRule(models.Model):
    """Puts a tag when one of its keywords occurs, in any width, case and Chinese script. Each change makes a new version."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    tag = models.ForeignKey(Tag, verbose_name=_("tag"), on_delete=models.CASCADE, related_name="rules")
    keywords = models.TextField(
        _("keywords"), help_text=_("One a line, in any language. Latin words match as whole words, Japanese and Chinese anywhere.")
    )
    exceptions = models.TextField(_("unless"), blank=True, help_text=_("One a line: the rule stays silent when one of these occurs."))
    heeds_negation = models.BooleanField(
        _("not when negated"), default=False, help_text=_("Stay silent for 'please don't cancel', '唔好取消', 'キャンセルしません'.")
    )
    opens_deal = models.BooleanField(_("opens a deal in the CRM"), default=False)
    opens_case = models.BooleanField(
        _("opens a case in the CRM"), default=False, db_default=False, help_text=_("A case at Salesforce and Zoho, a ticket at HubSpot.")
    )
    enabled = models.BooleanField(_("switched on"), default=True)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("tag rule")
        verbose_name_plural = _("tag rules")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TagAssignment(models.Model):
    """A tag on a person, with why it is there. Removing it keeps the row as a label for the rule's quality."""

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="tag_assignments", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), null=True, on_delete=models.SET_NULL, related_name="tag_assignments"
    )
    tag = models.ForeignKey(Tag, verbose_name=_("tag"), on_delete=models.CASCADE, related_name="assignments")
    rule = models.ForeignKey(TagRule, verbose_name=_("rule"), null=True, on_delete=models.SET_NULL, related_name="+")
    rule_version = models.PositiveIntegerField(null=True)
    message = models.ForeignKey(Message, verbose_name=_("message"), null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    matched = models.CharField(_("matched"), max_length=120, blank=True)
    span_start = models.PositiveIntegerField(null=True)
    span_end = models.PositiveIntegerField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    assigned_at = models.DateTimeField(_("assigned"))
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)

    class Meta:
        verbose_name = _("tag of a contact")
        verbose_name_plural = _("tags of contacts")
        constraints = [models.UniqueConstraint(fields=["contact", "tag"], condition=models.Q(removed_at=None), name="tags_once_a_contact")]
        indexes = [
            models.Index(fields=["contact"], name="tags_of_contact"),
            models.Index(fields=["message"], condition=models.Q(message__isnull=False), name="tags_by_message"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.tag_id}"
