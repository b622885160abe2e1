"""What is to leave at once, by its time: a partial index, built beside the writes of a running system."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("conversations", "0020_spoken_first")]

    operations = [
        AddIndexBesideWrites(
            model_name="message",
            index=models.Index(
                condition=models.Q(("due_at", models.F("created_at")), ("state", "queued")),
                fields=["due_at"],
                name="conversations_outbox_at_once",
            ),
        ),
    ]
