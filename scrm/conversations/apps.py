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
        from scrm.conversations.restoring import hold_what_was_due
        from scrm.conversations.search import rebuild
        from scrm.core.backup.acts import after_restore

        register(History("conversations", _("conversations"), Conversation, "identity__contact"))
        register(History("messages", _("messages"), Message, "conversation__identity__contact"))
        register(History("decisions", _("decisions"), Decision, goes="by_identity", counted=False))
        held = Reservation.objects.filter(released=False)
        counter = lambda ids: held.filter(identity__contact__in=ids).count()  # noqa: E731
        register(History("slots", _("messages that count against limits"), Reservation, counter=counter))
        privacy.register()
        after_restore("rebuild", "the search index of messages", rebuild)
        after_restore("hold", "messages that may have gone out since the backup", hold_what_was_due)
