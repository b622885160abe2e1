from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    name = "scrm.campaigns"
    label = "campaigns"
    verbose_name = _("Campaigns")

    def ready(self) -> None:
        from scrm.campaigns import jobs, privacy, terms  # noqa: F401 - registers what conditions can ask and what runs in the background
        from scrm.campaigns.models import Recipient
        from scrm.contacts.histories import History, register

        register(History("campaigns", _("campaigns"), Recipient))
        privacy.register()
