from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "scrm.core"
    label = "core"
    verbose_name = _("System")

    def ready(self) -> None:
        from scrm.core import audit, backups, checks  # noqa: F401 - the checks and the sealing of the audit are registered

        connection_created.connect(without_jit, dispatch_uid="scrm.core.without_jit")


def without_jit(connection: Any, **_: Any) -> None:
    """PostgreSQL compiles a statement that it takes for dear: half a second for lists of fifty rows, which then take a few milliseconds."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")
