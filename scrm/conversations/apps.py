from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    name = "scrm.conversations"
    label = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        from scrm.conversations import jobs  # noqa: F401 - registers what runs in the background
