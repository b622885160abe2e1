"""Blocks of history. The messages' new column is nullable and without constraint or index: added at once on a table of any size."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0013_owed_indexes")]

    operations = [
        migrations.CreateModel(
            name="HistoryBlock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_message", models.BigIntegerField()),
                ("last_message", models.BigIntegerField()),
                ("messages", models.PositiveIntegerField(verbose_name="messages")),
                ("body", models.BinaryField()),
                ("size_before", models.PositiveIntegerField()),
                ("size_after", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
                (
                    "conversation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.conversation",
                        verbose_name="conversation",
                    ),
                ),
            ],
            options={"verbose_name": "block of history", "verbose_name_plural": "blocks of history"},
        ),
        migrations.AddIndex(
            model_name="historyblock", index=models.Index(fields=["conversation", "first_message"], name="conversations_blocks")
        ),
        migrations.AddField(
            model_name="message",
            name="block",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="conversations.historyblock",
            ),
        ),
        migrations.CreateModel(
            name="HistorySweep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_message", models.BigIntegerField()),
                ("last_message", models.BigIntegerField()),
                ("said_before", models.DateTimeField()),
                ("conversation_reached", models.BigIntegerField(default=0)),
                ("message_reached", models.BigIntegerField(default=0)),
                ("messages", models.PositiveBigIntegerField(default=0, verbose_name="messages")),
                ("blocks", models.PositiveBigIntegerField(default=0)),
                ("size_before", models.PositiveBigIntegerField(default=0)),
                ("size_after", models.PositiveBigIntegerField(default=0)),
                ("started_at", models.DateTimeField(verbose_name="started")),
                ("done_at", models.DateTimeField(blank=True, null=True, verbose_name="done")),
            ],
            options={
                "verbose_name": "compression of history",
                "verbose_name_plural": "compressions of history",
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("done_at", None)), fields=("first_message",), name="conversations_sweep_once")
                ],
            },
        ),
    ]
