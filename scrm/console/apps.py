from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "scrm.console"
    label = "console"
    verbose_name = _("Console")

    def ready(self) -> None:
        from scrm.console import jobs, rights  # noqa: F401 - what runs in the background, and what tells the audit of rights
