from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "scrm.core"
    label = "core"

    def ready(self) -> None:
        from scrm.core import audit, checks  # noqa: F401 - the checks and the sealing of the audit are registered
