"""The sandbox as a Django app; it refuses to start in production."""

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class SandboxConfig(AppConfig):
    name = "scrm.sandbox"
    label = "sandbox"
    verbose_name = "Sandbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        if getattr(settings, "PRODUCTION", False):
            raise ImproperlyConfigured("scrm.sandbox lets anyone on this machine play any customer: set SANDBOX=0 in production.")
