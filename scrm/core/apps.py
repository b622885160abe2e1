from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "scrm.core"
    label = "core"
    verbose_name = _("System")

    def ready(self) -> None:
        from scrm.core import audit, backups, checks  # noqa: F401 - the checks and the sealing of the audit are registered
