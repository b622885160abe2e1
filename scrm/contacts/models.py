"""People, the addresses they are reached at, what they allowed, and what happened to them.

A person is not a phone number: messages hang on an `Identity`, and an identity belongs to a contact, so that joining and
separating people moves identities and nothing else.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from scrm.contacts.field_models import FieldConflict as FieldConflict
from scrm.contacts.field_models import FieldRule as FieldRule
from scrm.contacts.identity_models import IdentityCase as IdentityCase
from scrm.contacts.identity_models import NumberSettlement as NumberSettlement
from scrm.contacts.import_models import Import as Import
from scrm.contacts.import_models import ImportLayout as ImportLayout
from scrm.contacts.import_models import ImportRow as ImportRow
from scrm.contacts.match_key_models import MatchFrequency as MatchFrequency
from scrm.contacts.match_key_models import MatchKey as MatchKey
from scrm.contacts.match_key_models import MatchProfile as MatchProfile
from scrm.contacts.match_key_models import MatchSweep as MatchSweep
from scrm.contacts.match_key_models import MatchTie as MatchTie
from scrm.contacts.match_models import DuplicateCandidate as DuplicateCandidate
from scrm.contacts.match_models import DuplicateCase as DuplicateCase
from scrm.contacts.match_models import MatchRules as MatchRules
from scrm.contacts.merge_models import Merge as Merge
from scrm.contacts.privacy_models import ErasedAddress as ErasedAddress
from scrm.contacts.privacy_models import Erasure as Erasure
from scrm.contacts.privacy_models import LegalHold as LegalHold
from scrm.contacts.privacy_models import PersonExport as PersonExport
from scrm.contacts.querysets import ContactQuerySet

# Who may have no conversation: nobody's, never heard from, and never written to, which would be activity. Merging may bring a survivor any.
SILENT = models.Q(owner=None, merged_into=None, last_inbound_at=None) & (
    models.Q(last_activity_at__lte=models.F("created_at")) | models.Q(own__isnull=False)
)


class Contact(models.Model):
    """One golden record a person. `merged_into` redirects a duplicate to its survivor."""

    class Priority(models.TextChoices):
        LOW = "low", _("Low")
        NORMAL = "normal", _("Normal")
        HIGH = "high", _("High")

    name = models.CharField(_("name"), max_length=200, blank=True)
    company = models.CharField(_("company"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=40, blank=True)
    priority = models.CharField(_("priority"), max_length=10, choices=Priority.choices, default=Priority.NORMAL)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    external_id = models.CharField(_("partner's id"), max_length=200, blank=True)
    notes = models.TextField(_("notes"), blank=True)
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    address = models.CharField(pgettext_lazy("postal", "address"), max_length=300, blank=True, default="", db_default="")
    city = models.CharField(_("city"), max_length=100, blank=True, default="", db_default="")
    state = models.CharField(_("prefecture or state"), max_length=100, blank=True, default="", db_default="")
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True, default="", db_default="")
    custom = models.JSONField(_("further fields"), default=dict, blank=True)
    # Who said each field when, and what each source said last: see `fields.py`. Empty: as the record was made.
    provenance = models.JSONField(null=True, blank=True)
    # Of a survivor: what its own record says of fields that the merge shows otherwise, see `merging.py`.
    own = models.JSONField(null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", verbose_name=_("merged into"), null=True, blank=True, on_delete=models.PROTECT, related_name="merged_from"
    )
    last_inbound_at = models.DateTimeField(_("last heard from"), null=True, blank=True)
    last_activity_at = models.DateTimeField(_("last activity"))
    created_at = models.DateTimeField(_("created"))
    updated_at = models.DateTimeField(_("changed"))

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints = [
            models.UniqueConstraint(fields=["external_id"], condition=~models.Q(external_id=""), name="contacts_external_id_once")
        ]
        indexes = [
            models.Index(fields=["-last_activity_at", "-id"], name="contacts_by_activity"),
            models.Index(fields=["-created_at", "-id"], name="contacts_by_creation"),
            models.Index(fields=["country", "-last_activity_at", "-id"], name="contacts_by_country"),
            # Whoever has nobody yet is looked for among these.
            models.Index(fields=["id"], condition=SILENT, name="contacts_silent"),
        ]

    def __str__(self) -> str:
        return self.name or str(_("Contact %(id)s") % {"id": self.pk})


class Identity(models.Model):
    """One address of a person: (kind, scope, value). Current while `valid_to` is empty; then at most one contact has it."""

    class Kind(models.TextChoices):
        WHATSAPP = "whatsapp", _("WhatsApp number")
        WHATSAPP_USER = "whatsapp_user", _("WhatsApp user id")
        WHATSAPP_PARENT_USER = "whatsapp_parent_user", _("WhatsApp parent user id")
        USERNAME = "username", _("Username")
        LINE_USER = "line_user", _("LINE user")
        PHONE = "phone", _("Phone number")
        EMAIL = "email", _("E-mail")

    class Verified(models.TextChoices):
        INBOUND = "inbound", _("wrote to us from it")
        PLATFORM = "platform", _("stated by the platform")
        CRM = "crm", _("from the CRM")
        IMPORTED = "import", _("imported")
        TYPED = "typed", _("typed by a person")

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="identities")
    # Whose address this is apart from merges; empty: the contact's own. Taking a merge back takes it home.
    home = models.ForeignKey(
        Contact, verbose_name=_("before the merge"), null=True, blank=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    scope = models.CharField(_("scope"), max_length=100, blank=True)
    value = models.CharField(_("value"), max_length=200)
    # As it came, where `value` is another spelling of it: an e-mail's capitals, a number that was repaired.
    typed = models.CharField(_("as it came"), max_length=200, blank=True, default="", db_default="")
    # Of a user id: the number that the platform stated with it. A number that comes with another id has come to somebody else.
    stated_with = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    # Which import or CRM stated it ("import:12", "crm:hubspot"); other numbers from there tell where an ambiguous one belongs.
    origin = models.CharField(_("from"), max_length=80, blank=True, default="", db_default="")
    # Of a number that fits several countries: {"numbers": ["+85291234567", "+6591234567"], "country": the connection's}.
    candidates = models.JSONField(_("possible numbers"), null=True, blank=True)
    e164 = models.CharField(
        _("number"), max_length=20, blank=True, help_text=_("E.164, e.g. +85291234567. Empty for a number that could not be read.")
    )
    verified = models.CharField(_("how we know"), max_length=10, choices=Verified.choices)
    needs_repair = models.CharField(_("to repair"), max_length=200, blank=True, help_text=_("Why this number could not be read."))
    opted_out_at = models.DateTimeField(_("opted out"), null=True, blank=True)
    marketing_opt_in_at = models.DateTimeField(_("allowed promotions"), null=True, blank=True)
    marketing_opted_out_at = models.DateTimeField(_("declined promotions"), null=True, blank=True)
    unreachable_since = models.DateTimeField(
        _("unreachable since"),
        null=True,
        blank=True,
        help_text=_("The platform says that nothing arrives here; a message from the person ends it."),
    )
    unreachable_reason = models.CharField(_("why unreachable"), max_length=40, blank=True, default="", db_default="")
    marketing_wait_until = models.DateTimeField(
        _("no promotions before"), null=True, blank=True, help_text=_("The platform asked for a pause in promotions to this person.")
    )
    pair_wait_until = models.DateTimeField(
        _("nothing before"), null=True, blank=True, help_text=_("The platform asked for a pause in messages to this person.")
    )
    shared_since = models.DateTimeField(
        _("shared since"), null=True, blank=True, help_text=_("Several people use this address; it proves nobody to be somebody else.")
    )
    shared_reason = models.CharField(_("why shared"), max_length=200, blank=True, default="", db_default="")
    valid_from = models.DateTimeField(_("valid from"))
    valid_to = models.DateTimeField(_("valid to"), null=True, blank=True)

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = [
            # Two people may show the same username, so it is the one kind that is not unique.
            models.UniqueConstraint(
                fields=["kind", "scope", "value"],
                condition=models.Q(valid_to=None) & ~models.Q(kind="username"),
                name="contacts_identity_current_once",
            ),
        ]
        indexes = [
            models.Index(fields=["e164"], condition=~models.Q(e164=""), name="contacts_identity_by_number"),
            models.Index(fields=["home"], condition=models.Q(home__isnull=False), name="contacts_identity_by_home"),
            models.Index(fields=["origin", "-id"], condition=~models.Q(origin=""), name="contacts_identity_by_origin"),
            models.Index(fields=["needs_repair", "id"], condition=~models.Q(needs_repair=""), name="contacts_identity_to_repair"),
        ]

    def __str__(self) -> str:
        return self.e164 or self.typed or self.value


class Consent(models.Model):
    """What a person allowed or declined, with proof. Rows are only added; the newest of a purpose counts."""

    class Purpose(models.TextChoices):
        ALL = "all", _("all messages")
        MARKETING = "marketing", _("promotions")

    identity = models.ForeignKey(Identity, verbose_name=_("address"), on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices)
    allowed = models.BooleanField(_("allowed"))
    source = models.CharField(_("source"), max_length=40)
    evidence = models.CharField(_("evidence"), max_length=300, blank=True)
    actor = models.CharField(_("by"), max_length=150, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        indexes = [models.Index(fields=["identity", "-at"], name="contacts_consent_by_identity")]

    def __str__(self) -> str:
        return f"{self.purpose}: {self.allowed}"


# One comparison a kind, because SQLite knows the index again by nothing more complicated.
_STATES = ("received", "echoed", "queued", "accepted", "sent", "delivered", "read", "failed", "expired", "blocked", "unknown", "cancelled")
NO_MESSAGE = models.Q(*(~models.Q(kind=f"message.{state}") for state in _STATES))


class Event(models.Model):
    """What happened to whom, written in the transaction that changed the state. Never changed afterwards.

    The contact's timeline, the trigger of automation and sync, and the source of counts in windows.
    """

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="events", db_index=False)
    # Neither indexed nor checked by the database: to remove one address it would go through all events.
    identity = models.ForeignKey(
        Identity, verbose_name=_("address"), null=True, on_delete=models.SET_NULL, related_name="+", db_index=False, db_constraint=False
    )
    kind = models.CharField(_("kind"), max_length=40)
    occurred_at = models.DateTimeField(_("occurred"))
    data = models.JSONField(_("details"), default=dict)
    cause = models.CharField(_("cause"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["contact", "-occurred_at", "-id"], name="contacts_event_timeline"),
            models.Index(fields=["kind", "occurred_at"], name="contacts_event_by_kind"),
            # Messages are most of what happens; what else happened to a person is found without them.
            models.Index(fields=["contact", "-occurred_at", "-id"], condition=NO_MESSAGE, name="contacts_event_story"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.occurred_at:%Y-%m-%d %H:%M}"


class EventDelivery(models.Model):
    """An event that one consumer has not finished with. Written with the event, deleted with the consumer's effects.

    So every consumer sees every event exactly once, although transactions commit out of order.
    """

    # Not checked by the database: it is written with its event and goes with it, and checking took as long as writing it.
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    consumer = models.CharField(max_length=30)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    parked = models.BooleanField(default=False)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = _("event delivery")
        verbose_name_plural = _("event deliveries")
        constraints = [models.UniqueConstraint(fields=["event", "consumer"], name="contacts_delivery_once")]
        indexes = [models.Index(fields=["consumer", "due_at", "id"], condition=models.Q(parked=False), name="contacts_delivery_due")]

    def __str__(self) -> str:
        return f"{self.consumer} {self.event_id}"
