from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConnectionsConfig(AppConfig):
    name = "scrm.connections"
    label = "connections"
    verbose_name = _("Connections")

    def ready(self) -> None:
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured

        from connectors import guard

        try:
            guard.allow(settings.OUTBOUND_ALLOW)
        except ValueError as error:
            raise ImproperlyConfigured(f"OUTBOUND_ALLOW: {error}. Write networks such as 10.1.0.0/16, separated by commas.") from error
        from scrm.connections import jobs  # noqa: F401 - registers what runs in the background
        from scrm.connections.restoring import pause_channels
        from scrm.core.backup.acts import after_restore

        after_restore("hold", "numbers and accounts that send", pause_channels)
