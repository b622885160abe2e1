from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HooksConfig(AppConfig):
    name = "scrm.hooks"
    label = "hooks"
    verbose_name = _("Outgoing webhooks")

    def ready(self) -> None:
        from scrm.hooks import jobs, privacy  # noqa: F401 - registers what runs in the background

        privacy.register()
