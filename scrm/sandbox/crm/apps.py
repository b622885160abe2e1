from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SandboxCrmConfig(AppConfig):
    name = "scrm.sandbox.crm"
    label = "sandbox_crm"
    verbose_name = _("Sandbox CRM")
    default_auto_field = "django.db.models.BigAutoField"
