from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncConfig(AppConfig):
    name = "scrm.sync"
    label = "sync"
    verbose_name = _("Sync")

    def ready(self) -> None:
        from django.db.models.signals import post_save

        from scrm.commerce.models import Product
        from scrm.contacts.histories import History, register
        from scrm.sync import jobs, listening, privacy, terms  # noqa: F401 - registers what runs in the background and what can be asked
        from scrm.sync.models import ExternalRecord
        from scrm.sync.people import count_records

        register(History("records", _("CRM records"), ExternalRecord, counter=count_records))
        privacy.register()
        post_save.connect(listening.note_product, sender=Product, dispatch_uid="sync.product")
