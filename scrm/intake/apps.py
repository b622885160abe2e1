from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntakeConfig(AppConfig):
    name = "scrm.intake"
    label = "intake"
    verbose_name = _("Intake")

    def ready(self) -> None:
        from scrm.intake import (
            jobs,  # noqa: F401 - registers what runs in the background
            privacy,
        )

        privacy.register()
