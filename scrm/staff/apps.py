from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StaffConfig(AppConfig):
    name = "scrm.staff"
    label = "staff"
    verbose_name = _("Staff")

    def ready(self) -> None:
        from scrm.staff import jobs, logins  # noqa: F401 - what is told of log-ins, and what runs in the background
