from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    name = "scrm.conversations"
    label = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        from scrm.contacts.histories import History, register
        from scrm.conversations import jobs, privacy  # noqa: F401 - registers what runs in the background
        from scrm.conversations.models import Conversation, Decision, Message, Reservation
        from scrm.conversations.search import rebuild
        from scrm.core.backup.restoring import rebuilt_by

        register(History("conversations", _("conversations"), Conversation, "identity__contact"))
        register(History("messages", _("messages"), Message, "conversation__identity__contact"))
        register(History("decisions", _("decisions"), Decision, goes="by_identity", counted=False))
        held = Reservation.objects.filter(released=False)
        counter = lambda ids: held.filter(identity__contact__in=ids).count()  # noqa: E731
        register(History("slots", _("messages that count against limits"), Reservation, counter=counter))
        privacy.register()
        rebuilt_by("the search index of messages", rebuild)
