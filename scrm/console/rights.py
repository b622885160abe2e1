"""Every change of who may do what, whichever page or command makes it, is told to the audit."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db.models.signals import m2m_changed, post_save, pre_save
from django.dispatch import receiver

from scrm.core import audit
from scrm.core.audit_actor import actor
from scrm.staff.models import User, end_sessions_of

FLAGS = ("is_active", "is_staff", "is_superuser")
KEPT = (*FLAGS, "password")


@receiver(pre_save, sender=User, dispatch_uid="audit.user.before")
def _remember(sender: type[User], instance: User, update_fields: Any = None, **kwargs: Any) -> None:
    """Logging in saves `last_login` alone and asks nothing here."""
    touched = update_fields is None or set(update_fields) & set(KEPT)
    before = User.objects.filter(pk=instance.pk).values(*KEPT).first() if touched and instance.pk else None
    instance._rights_before = (before or dict.fromkeys(KEPT, None)) if touched else None  # type: ignore[attr-defined]


@receiver(post_save, sender=User, dispatch_uid="audit.user.after")
def _tell(sender: type[User], instance: User, **kwargs: Any) -> None:
    before: dict[str, Any] | None = getattr(instance, "_rights_before", None)
    if before is None:
        return
    password, flags = before["password"], {name: before[name] for name in FLAGS}
    after = {name: getattr(instance, name) for name in FLAGS}
    if flags != after:
        audit.record("staff.rights_changed", by=actor(), subject=instance, before=flags, after=after)
        if password is not None:
            instance.end_sessions()
    # A stronger hash of the same password, made at a log-in, is no change: then no raw password is at hand.
    if password not in {None, instance.password} and getattr(instance, "_password", None) is not None:
        audit.record("staff.password_changed", by=actor(), subject=instance)


@receiver(m2m_changed, sender=User.groups.through, dispatch_uid="audit.user.groups")
@receiver(m2m_changed, sender=User.user_permissions.through, dispatch_uid="audit.user.permissions")
@receiver(m2m_changed, sender=Group.permissions.through, dispatch_uid="audit.group.permissions")
def _joined(sender: Any, instance: Any, action: str, model: Any, pk_set: set[int] | None, **kwargs: Any) -> None:
    done = {"post_add": "added", "post_remove": "removed", "pre_clear": "all removed"}.get(action)
    if done is None or (pk_set is not None and not pk_set):
        return
    if sender is not Group.permissions.through:
        end_sessions_of([instance.pk] if isinstance(instance, User) else sorted(pk_set or ()))
        if isinstance(instance, User):
            instance.refresh_from_db(fields=["session_epoch"])
    what = {"what": model._meta.label_lower, "ids": sorted(pk_set or ())}
    audit.record("staff.rights_changed", by=actor(), subject=instance, after={"change": done, **what})
