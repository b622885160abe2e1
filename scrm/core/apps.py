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

        connection_created.connect(set_up_if_postgresql, dispatch_uid="scrm.core.set_up")


def set_up_if_postgresql(connection: Any, **_: Any) -> None:
    if connection.vendor == "postgresql":
        # Its driver is there then, and nowhere else need be.
        from scrm.core import postgresql

        postgresql.set_up(connection)
