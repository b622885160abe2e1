"""Several actions in one click, as supervisors put them together."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from scrm.conversations.models import Conversation, QuickReply
from scrm.staff.models import Team
from scrm.tags.models import Tag

SHORTCUT = RegexValidator(r"^[^\s/]+$", _("One word, without '/'."))


class Macro(models.Model):
    """What is done, in this order: the text, the note, tags, priority, who answers, and at last closing or snoozing. See `macros.py`."""

    class Assign(models.TextChoices):
        KEEP = "", _("leave as it is")
        ME = "me", _("whoever uses it")
        NOBODY = "nobody", _("nobody")
        COLLEAGUE = "colleague", _("a colleague")
        TEAM = "team", _("a team")

    class Priority(models.TextChoices):
        KEEP = "", _("leave as it is")
        LOW = "low", _("low")
        NORMAL = "normal", _("normal")

    class Then(models.TextChoices):
        NOTHING = "", _("stay open")
        CLOSE = "close", _("close")
        HOUR = "hour", _("snooze for an hour")
        TOMORROW = "tomorrow", _("snooze until tomorrow 9:00")
        MONDAY = "monday", _("snooze until Monday 9:00")

    name = models.CharField(_("name"), max_length=80)
    shortcut = models.CharField(_("shortcut"), max_length=30, unique=True, validators=[SHORTCUT], help_text=_("Typed after '/'."))
    active = models.BooleanField(_("in use"), default=True)
    teams = models.ManyToManyField(Team, verbose_name=_("only for"), blank=True, related_name="+", help_text=_("None chosen: everybody."))
    quick_reply = models.ForeignKey(
        QuickReply,
        verbose_name=_("quick reply"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Sent in the customer's language when there is one of the same shortcut."),
    )
    text = models.TextField(
        _("text"), blank=True, max_length=4096, help_text=_("Instead of a quick reply. {{name}} stands for the customer's name.")
    )
    note = models.TextField(_("internal note"), blank=True, max_length=2000)
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), blank=True, related_name="+")
    priority = models.CharField(_("priority"), max_length=10, choices=Priority.choices, blank=True, default="")
    assign = models.CharField(_("assign to"), max_length=10, choices=Assign.choices, blank=True, default="")
    colleague = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("colleague"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        limit_choices_to={"is_active": True, "is_staff": True},
    )
    team = models.ForeignKey(Team, verbose_name=_("team"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    then = models.CharField(_("at last"), max_length=10, choices=Then.choices, blank=True, default="")
    used = models.PositiveIntegerField(_("used"), default=0, editable=False)

    class Meta:
        verbose_name = _("macro")
        verbose_name_plural = _("macros")
        ordering = ["name"]

    def __str__(self) -> str:
        return f"/{self.shortcut} {self.name}"

    def clean(self) -> None:
        if self.text.strip() and self.quick_reply_id:
            raise ValidationError({"text": _("Either a quick reply or a text of its own.")})
        if (self.assign == self.Assign.COLLEAGUE) != bool(self.colleague_id):
            raise ValidationError({"colleague": _("Choose a colleague together with 'a colleague' above, or neither.")})
        if (self.assign == self.Assign.TEAM) != bool(self.team_id):
            raise ValidationError({"team": _("Choose a team together with 'a team' above, or neither.")})


class MacroUse(models.Model):
    """Who used which macro where. `key` is the page's: pressed twice, it is one use."""

    macro = models.ForeignKey(Macro, on_delete=models.CASCADE, related_name="uses")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    key = models.CharField(max_length=60, unique=True)
    used_at = models.DateTimeField()

    class Meta:
        verbose_name = _("use of a macro")
        verbose_name_plural = _("uses of macros")

    def __str__(self) -> str:
        return f"{self.macro_id} {self.used_at:%Y-%m-%d %H:%M}"
