"""Who goes first, and what failed of late: two partial indexes, built beside the writes of a running system."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0003_sending")]

    operations = [
        AddIndexBesideWrites(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state", "queued")), fields=["connection", "priority", "due_at", "id"], name="conversations_outbox_order"
            ),
        ),
        AddIndexBesideWrites(
            model_name="message",
            index=models.Index(condition=models.Q(("state", "failed")), fields=["connection", "-failed_at"], name="conversations_outbox_errors"),
        ),
    ]
