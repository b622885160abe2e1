"""The second factor: a code of six digits that changes every half minute, from an app on the person's phone (TOTP, RFC 6238).

Who needs one: people who see all customers or may change rights, connections or tokens. A code opens once; after five wrong ones the next
try has to wait, longer each time. Ten recovery codes stand in for a lost phone, each once. An administrator can take a factor away, after
which the person sets up a new one at the next log-in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest

from scrm.core import audit, clock
from scrm.staff.models import User
from scrm.staff.security_models import RecoveryCode, SecondFactor
from scrm.staff.sight import SEE_ALL

STEP = 30
# A phone's clock may be off by one step.
STEPS_OFF = (0, -1, 1)
FREE = 5
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)
RECOVERY_CODES = 10
# 79 random bits each: a digest without salt gives nobody anything to guess from.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE_LENGTH = 16
# Rights with which much can be read or turned over.
STRONG = (
    SEE_ALL, "staff.change_user", "auth.change_group", "connections.change_connection", "api.add_partnertoken", "contacts.erase_person",
    "contacts.export_many_contacts",
)  # fmt: skip
MARK = "second_factor"
NOT_ASKED = "none"


class Locked(Exception):
    """Too many wrong codes; `until` is when the next counts."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


@dataclass(frozen=True, slots=True)
class Opened:
    """A code was right. `recovery_left`: of a recovery code, how many are left now; None for a code of the app."""

    factor: SecondFactor
    recovery_left: int | None = None


def is_needed(user: User) -> bool:
    """By the setting SECOND_FACTOR: off, supervisors (and above), everybody."""
    if settings.SECOND_FACTOR == "off":
        return False
    return settings.SECOND_FACTOR == "everybody" or user.is_superuser or any(user.has_perm(right) for right in STRONG)


def factor_of(user: User) -> SecondFactor | None:
    """The factor that is in use, if there is one."""
    return SecondFactor.objects.filter(user=user.pk).exclude(confirmed_at=None).first()


def begin(user: User) -> SecondFactor:
    """The secret to show; the same until it is confirmed, so that loading the page again does not make the scanned one worthless."""
    made, _new = SecondFactor.objects.get_or_create(user=user, defaults={"secret": pyotp.random_base32(), "created_at": clock.now()})
    return made


def address_of(factor: SecondFactor) -> str:
    """What the app reads from the picture."""
    return pyotp.TOTP(str(factor.secret)).provisioning_uri(name=factor.user.get_username(), issuer_name=settings.SECOND_FACTOR_ISSUER)


def confirm(user: User, code: str, request: HttpRequest | None = None) -> list[str] | None:
    """The first right code puts the factor in use; gives the recovery codes, shown this once. None for a wrong code. Raises `Locked`."""
    if _checked(user, code, request, confirmed=False) is None:
        return None
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().get(user=user.pk)
        factor.confirmed_at = clock.now()
        factor.save(update_fields=["confirmed_at"])
        codes = _new_codes(factor)
        audit.record("staff.second_factor_set_up", by=user, subject=user, request=request)
        # Who is logged in with the password alone, wherever, has to come by the new door.
        user.end_sessions()
    if request is not None:
        update_session_auth_hash(request, user)
    return codes


def check(user: User, code: str, request: HttpRequest | None = None) -> Opened | None:
    """The person's code, or one of their recovery codes. None for a wrong one. Raises `Locked`."""
    return _checked(user, code, request, confirmed=True)


def renew_codes(user: User, request: HttpRequest | None = None) -> list[str]:
    """Ten new recovery codes; the old ones open nothing any more."""
    with transaction.atomic():
        codes = _new_codes(SecondFactor.objects.select_for_update().get(user=user.pk))
        audit.record("staff.recovery_codes_renewed", by=user, subject=user, request=request)
    return codes


def remove(user: User, *, by: User | str, reason: str = "", request: HttpRequest | None = None) -> bool:
    """Take the factor away and end all the person's sessions. False when there was none."""
    with transaction.atomic():
        gone, _rows = SecondFactor.objects.filter(user=user.pk).delete()
        if gone:
            user.end_sessions()
            audit.record("staff.second_factor_removed", by=by, subject=user, reason=reason, request=request)
    return bool(gone)


def replace(user: User, request: HttpRequest) -> None:
    """For another phone: this session goes on without a factor, to set up the new one; all others end."""
    remove(user, by=user, reason="replaced by the person", request=request)
    update_session_auth_hash(request, user)
    request.session.pop(MARK, None)


def _checked(user: User, code: str, request: HttpRequest | None, *, confirmed: bool) -> Opened | None:
    """Counted and answered with the row locked; what is counted stays counted, so nothing is raised inside the transaction."""
    typed = normal(code)
    now = clock.now()
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user=user.pk).first()
        if factor is None or (factor.confirmed_at is not None) != confirmed:
            return None
        locked = factor.locked_until if factor.locked_until and factor.locked_until > now else None
        opened = None if locked else _opened(factor, typed, now)
        if locked is None:
            _count(factor, opened is not None, now)
            if opened is None:
                audit.record("staff.second_factor_failed", by=user, subject=user, after={"failures": factor.failures}, request=request)
    if locked is not None:
        raise Locked(locked)
    return opened


def _opened(factor: SecondFactor, typed: str, now: datetime) -> Opened | None:
    if len(typed) == 6 and typed.isascii() and typed.isdigit():
        return Opened(factor) if _is_code(factor, typed, now) else None
    if factor.confirmed_at is None or len(typed) != _CODE_LENGTH:
        return None
    if not factor.codes.filter(digest=digest_of(typed), used_at=None).update(used_at=now):
        return None
    return Opened(factor, factor.codes.filter(used_at=None).count())


def _is_code(factor: SecondFactor, typed: str, now: datetime) -> bool:
    totp, step = pyotp.TOTP(str(factor.secret)), int(now.timestamp()) // STEP
    for each in (step + off for off in STEPS_OFF):
        if each > factor.last_step and hmac.compare_digest(totp.at(each * STEP), typed):
            factor.last_step = each
            return True
    return False


def _count(factor: SecondFactor, right: bool, now: datetime) -> None:
    factor.failures = 0 if right else factor.failures + 1
    factor.locked_until = None
    if factor.failures >= FREE:
        factor.locked_until = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(factor.failures - FREE, 10))
    factor.save(update_fields=["failures", "locked_until", "last_step"])


def _new_codes(factor: SecondFactor) -> list[str]:
    codes = ["".join(secrets.choice(_LETTERS) for _letter in range(_CODE_LENGTH)) for _code in range(RECOVERY_CODES)]
    factor.codes.all().delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(factor=factor, digest=digest_of(code)) for code in codes])
    return ["-".join(code[at : at + 4] for at in range(0, _CODE_LENGTH, 4)) for code in codes]


def normal(code: str) -> str:
    """As it is meant: full-width digits, spaces, hyphens and capitals are how people type."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", code[:100]).lower() if letter.isalnum())


def digest_of(code: str) -> str:
    return hashlib.sha256(b"scrm.recovery\0" + code.encode()).hexdigest()


def mark(request: HttpRequest, factor: SecondFactor) -> None:
    """This session is through; a new key makes one that somebody saw before worthless."""
    request.session.cycle_key()
    request.session[MARK] = factor.pk


def note_log_in(request: HttpRequest, user: User) -> None:
    """The password was right: remember, with the new session, whom nothing more is asked of."""
    request.session.pop(MARK, None)
    if not is_needed(user) and factor_of(user) is None:
        request.session[MARK] = NOT_ASKED


def is_through(request: HttpRequest) -> bool:
    return isinstance(request.session.get(MARK), int)
