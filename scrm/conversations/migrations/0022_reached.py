"""From an address to its decisions and slots: an address that goes is looked for in both, and a whole import's addresses may go."""

from django.db import migrations, models

from scrm.core.indexes import AddIndexBesideWrites


class Migration(migrations.Migration):
    # Its indexes are built beside those who write.
    atomic = False
    dependencies = [("conversations", "0021_outbox_at_once")]

    operations = [
        AddIndexBesideWrites(
            model_name="decision",
            index=models.Index(condition=models.Q(("identity__isnull", False)), fields=["identity"], name="conversations_decision_whose"),
        ),
        AddIndexBesideWrites(model_name="reservation", index=models.Index(fields=["identity"], name="conversations_slot_whose")),
    ]
