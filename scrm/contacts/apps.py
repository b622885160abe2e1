from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    name = "scrm.contacts"
    label = "contacts"
    verbose_name = _("Contacts")

    def ready(self) -> None:
        from scrm.contacts import checks as _checks  # noqa: F401 - is registered
        from scrm.contacts import jobs  # noqa: F401 - registers what runs in the background
        from scrm.contacts.histories import History, register
        from scrm.contacts.models import Event, IdentityCase
        from scrm.contacts.privacy import checks, exports, imports, parts, registry  # noqa: F401 - the check is registered
        from scrm.contacts.restoring import add_lines, ledger_lines, rebuild, repeat_erasures
        from scrm.core.backup.acts import after_restore
        from scrm.core.backup.beside import keep_beside

        register(History("events", _("events"), Event, goes="by_identity"))
        register(History("identity_cases", _("cases of addresses"), IdentityCase, goes="by_identity"))
        after_restore("rebuild", "the search index of people", rebuild)
        after_restore("repeat", "erasures that the backup does not know", repeat_erasures)
        keep_beside("erasures", lines=ledger_lines, add=add_lines)
        parts.register()
        imports.register()
        registry.exempt("contacts.erasedaddress", "keyed hashes")
