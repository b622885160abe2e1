from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    name = "scrm.contacts"
    label = "contacts"
    verbose_name = _("Contacts")

    def ready(self) -> None:
        from scrm.contacts import jobs  # noqa: F401 - registers what runs in the background
        from scrm.contacts.histories import History, register
        from scrm.contacts.models import Event, IdentityCase
        from scrm.contacts.privacy import checks, exports, imports, parts, registry  # noqa: F401 - the check is registered
        from scrm.contacts.restoring import rebuild, repeat_erasures
        from scrm.core.backup.restoring import rebuilt_by, repeated_by

        register(History("events", _("events"), Event, goes="by_identity"))
        register(History("identity_cases", _("cases of addresses"), IdentityCase, goes="by_identity"))

        rebuilt_by("the search index of people", rebuild)
        repeated_by("erasures that the backup does not know", repeat_erasures)
        parts.register()
        imports.register()
        registry.exempt("contacts.erasedaddress", "keyed hashes")
