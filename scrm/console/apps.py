from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "scrm.console"
    label = "console"
    verbose_name = _("Console")

    def ready(self) -> None:
        from scrm.console import jobs  # noqa: F401 - registers what runs in the background
