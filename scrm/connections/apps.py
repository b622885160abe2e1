from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConnectionsConfig(AppConfig):
    name = "scrm.connections"
    label = "connections"
    verbose_name = _("Connections")

    def ready(self) -> None:
        from scrm.connections import jobs  # noqa: F401 - registers what runs in the background
