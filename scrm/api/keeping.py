"""A partner states a person: found by the partner's id or by an address, made when there is nobody, and never made twice.

Values go through the rules of every other source (`contacts.fields`): a repeat changes nothing, and what contradicts a person's word
waits for review. Nobody is joined or moved by a partner's word: an address that is somebody else's stays there and is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError

from connectors.contracts import Address
from scrm.api.errors import Refused
from scrm.api.models import PartnerToken
from scrm.api.serializers import ContactSerializer
from scrm.contacts import fields
from scrm.contacts.addresses import add_address, read
from scrm.contacts.claims import Claim, raise_claims
from scrm.contacts.claims import Kind as ClaimKind
from scrm.contacts.models import Contact, Identity
from scrm.contacts.newcomers import Sender
from scrm.contacts.privacy.returning import ErasedPerson
from scrm.contacts.resolving import make_person, resolve_identity
from scrm.core import clock

# Clocks differ; a stamp further ahead comes from a wrong one and would win for ever.
AHEAD = timedelta(minutes=5)
# The kinds of our addresses, and the names that partners give them.
AddressKind: TypeAlias = Literal["phone", "email"]
ADDRESSES: tuple[AddressKind, ...] = ("phone", "email")
STATED = ("name", "company", "language", "country", "time_zone", "priority", "notes", "address", "city", "state", "postal_code", "birthday")


class PersonSerializer(serializers.Serializer[dict[str, Any]]):
    """Who it is (at least one of external_id, phone, email) and what is known. Empty texts say nothing; `custom` holds further fields."""

    external_id = serializers.CharField(max_length=200, required=False)
    phone = serializers.CharField(max_length=60, required=False)
    region = serializers.RegexField("^[A-Za-z]{2}$", required=False, help_text="Country of a number without country code, for example HK.")
    email = serializers.CharField(max_length=200, required=False)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    company = serializers.CharField(max_length=200, required=False, allow_blank=True)
    language = serializers.CharField(max_length=35, required=False, allow_blank=True)
    country = serializers.CharField(max_length=2, required=False, allow_blank=True)
    time_zone = serializers.CharField(max_length=64, required=False, allow_blank=True)
    priority = serializers.CharField(max_length=20, required=False, allow_blank=True)
    notes = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    address = serializers.CharField(max_length=300, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, allow_blank=True)
    state = serializers.CharField(max_length=100, required=False, allow_blank=True)
    postal_code = serializers.CharField(max_length=20, required=False, allow_blank=True)
    birthday = serializers.CharField(max_length=10, required=False, allow_blank=True)
    custom = serializers.DictField(child=serializers.CharField(max_length=2000, allow_blank=True), required=False)
    at = serializers.DateTimeField(required=False, help_text="Since when this is so; without it, now. An older word changes nothing newer.")

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, dict) and (unknown := [name for name in data if name not in self.fields]):
            raise ValidationError({str(name)[:80]: [_("Unknown field.")] for name in unknown})
        values: dict[str, Any] = super().to_internal_value(data)
        return values

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not {"external_id", "phone", "email"} & attrs.keys():
            raise ValidationError({"external_id": [_("Give at least one of external_id, phone and email.")]})
        if attrs.get("at") and attrs["at"] > clock.now() + AHEAD:
            raise ValidationError({"at": [_("This time lies in the future.")]})
        regions = (attrs["region"].upper(),) if attrs.get("region") else ()
        if "phone" in attrs and read(Identity.Kind.PHONE, attrs["phone"], regions).repair:
            raise ValidationError({"phone": [_("This is not a phone number. Give it with + and country code, or add its region.")]})
        if "email" in attrs and read(Identity.Kind.EMAIL, attrs["email"]).repair:
            raise ValidationError({"email": [_("This is not an e-mail address.")]})
        return attrs


class KeptSerializer(serializers.Serializer[Any]):
    """The person as kept now. `refused`: {field: why}; `in_review`: fields that a person decides; `elsewhere`: addresses of others."""

    contact = ContactSerializer()
    created = serializers.BooleanField()
    refused = serializers.DictField(child=serializers.CharField())
    in_review = serializers.ListField(child=serializers.CharField())
    elsewhere = serializers.ListField(child=serializers.CharField())


@dataclass
class Kept:
    contact_id: int
    created: bool
    refused: dict[str, str]
    in_review: list[str]
    elsewhere: list[str]


def keep(token: PartnerToken, said: dict[str, Any]) -> Kept:
    """In one transaction. Safe to repeat. Raises `Refused` for a person who was erased or whom another id of the partner names."""
    if token.channel_ids is not None:
        raise PermissionDenied(_("A token that is limited to channels cannot write contacts."))
    try:
        return _keep(token, said)
    except IntegrityError:
        return _keep(token, said)  # somebody stated the same person a moment ago, who is found now
    except ErasedPerson:
        raise Refused(_("This person was erased here; only a message of theirs begins a new contact."), code="erased") from None


def _keep(token: PartnerToken, said: dict[str, Any]) -> Kept:
    began, at, source = clock.now(), said.get("at") or clock.now(), f"api:{token.pk}"
    with transaction.atomic():
        contact, elsewhere = _person(said, source, at)
        outcome = fields.offer([fields.Offer(contact, _values(said), source, at, by=token.name)])[0]
    created = contact.created_at >= began
    return Kept(contact.pk, created, dict(outcome.refused), sorted(outcome.asked), elsewhere)


def _values(said: dict[str, Any]) -> dict[str, Any]:
    own = {name: said[name] for name in STATED if said.get(name)}
    return own | {f"custom.{name}": value for name, value in said.get("custom", {}).items() if value}


def _person(said: dict[str, Any], source: str, at: datetime) -> tuple[Contact, list[str]]:
    """The person meant, and the addresses that are somebody else's."""
    external_id, regions = said.get("external_id", ""), (said["region"].upper(),) if said.get("region") else ()
    addresses = _addresses(said, regions)
    known = Contact.objects.filter(external_id=external_id).select_related("merged_into").first() if external_id else None
    if known is not None:
        root = known.merged_into or known
        return root, [raw for kind, raw in _raw(said) if not _give(root, kind, raw, regions, source)]
    sender = Sender(addresses, said.get("name", ""), (regions or ("",))[0], said.get("language", ""), at, source)
    found = resolve_identity(sender, verified=Identity.Verified.IMPORTED).contact if addresses else make_person(sender)
    root = found.merged_into or found
    if external_id:
        _name_it(root, external_id)
    return root, [raw for kind, raw in _raw(said) if not _give(root, kind, raw, regions, source)]


def _name_it(contact: Contact, external_id: str) -> None:
    """Under this id the partner finds the person again. One who has another id of theirs is not renamed."""
    if not Contact.objects.filter(pk=contact.pk, external_id__in=["", external_id]).update(external_id=external_id):
        held = Contact.objects.values_list("external_id", flat=True).get(pk=contact.pk)
        words = _("This address belongs to a person whom you know as %(id)s.") % {"id": held}
        raise Refused(words, code="another_id", contact=contact.pk, external_id=held)


def _raw(said: dict[str, Any]) -> list[tuple[AddressKind, str]]:
    return [(kind, said[kind]) for kind in ADDRESSES if said.get(kind)]


def _addresses(said: dict[str, Any], regions: tuple[str, ...]) -> tuple[Address, ...]:
    return tuple(Address(kind, read(kind, raw, regions).value) for kind, raw in _raw(said))


def _give(contact: Contact, kind: str, raw: str, regions: tuple[str, ...], source: str) -> bool:
    """False when it is somebody else's and stays there: supervisors are asked who has it."""
    reading = read(kind, raw, regions)
    own = Identity.objects.filter(contact=contact, valid_to=None)
    if (own.filter(e164=reading.e164) if reading.e164 else own.filter(kind=kind, value=reading.value)).exists():
        return True
    row = add_address(contact, kind=kind, raw=raw, regions=regions, verified=Identity.Verified.IMPORTED, origin=source)
    if row.contact_id == contact.pk:
        return True
    raise_claims([Claim(ClaimKind.CONFLICT, row, contact.pk, {"other_address": f"{kind}:{raw.strip()[:100]}"}, told=contact.pk)])
    return False
