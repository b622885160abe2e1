"""Consent in words: what holds for a person, why, and what each row of the ledger says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from scrm.console.consent_sources import message_of, source_name
from scrm.contacts.consents import Effective
from scrm.contacts.models import Consent


@dataclass(frozen=True, slots=True)
class Standing:
    """One purpose as it stands. `tone`: good, bad, warn or empty. `message`: the message that is the proof, 0 without one."""

    title: str
    tone: str
    reason: str
    at: datetime | None
    message: int


def standing(effective: Effective) -> Standing:
    title, tone = _title(effective)
    if effective.identity is None:
        return Standing(title, tone, _("Nobody has said anything."), None, 0)
    proof = effective.proof
    how = source_name(proof.source) if proof else _("the proof is not kept here")
    said = proof.evidence if proof and not message_of(proof) else ""
    reason = " · ".join(part for part in (str(effective.identity), how, said, proof.actor if proof else "") if part)
    return Standing(title, tone, reason, effective.at, message_of(proof) if proof else 0)


def _title(effective: Effective) -> tuple[str, str]:
    if effective.purpose == Consent.Purpose.ALL:
        return (_("Wants no messages"), "bad") if effective.state == "declined" else (_("Messages allowed"), "good")
    if effective.state == "declined":
        return _("No promotions"), "warn"
    return (_("Promotions allowed"), "good") if effective.state == "allowed" else (_("Promotions: not asked"), "")
