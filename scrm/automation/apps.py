from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AutomationConfig(AppConfig):
    name = "scrm.automation"
    label = "automation"
    verbose_name = _("Automation")

    def ready(self) -> None:
        from scrm.automation import jobs, privacy  # noqa: F401 - registers what runs in the background
        from scrm.automation.models import Run
        from scrm.contacts.histories import History, register

        register(History("runs", _("rule evaluations"), Run, goes="by_event", counted=False))
        privacy.register()
