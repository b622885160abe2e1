"""What happened to a person besides messages: an index that no message is written to."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites

STATES = ("received", "echoed", "queued", "accepted", "sent", "delivered", "read", "failed", "expired", "blocked", "unknown", "cancelled")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("contacts", "0011_imports")]

    operations = [
        AddIndexBesideWrites(
            model_name="event",
            index=models.Index(
                condition=models.Q(*(models.Q(("kind", f"message.{state}"), _negated=True) for state in STATES)),
                fields=["contact", "-occurred_at", "-id"],
                name="contacts_event_story",
            ),
        ),
    ]
