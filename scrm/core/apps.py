from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "scrm.core"
    label = "core"

    def ready(self) -> None:
        from scrm.core import checks  # noqa: F401
