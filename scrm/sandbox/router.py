"""The sandbox keeps its own database, as a stranger would; nothing else lives there and it lives nowhere else."""

from typing import Any

from django.db.models import Model

ALIAS = "sandbox"
LABELS = frozenset({"sandbox", "sandbox_crm"})


class SandboxRouter:
    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return ALIAS if model._meta.app_label in LABELS else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return ALIAS if model._meta.app_label in LABELS else None

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool | None:
        inside = {obj1._meta.app_label in LABELS, obj2._meta.app_label in LABELS}
        return None if inside == {False} else inside == {True}

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        if db == ALIAS or app_label in LABELS:
            return db == ALIAS and app_label in LABELS
        return None
