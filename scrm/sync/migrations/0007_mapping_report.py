import django.db.models.deletion
from django.db import migrations, models

KINDS = [
    ("contact", "contact"),
    ("communication", "communication"),
    ("deal", "deal"),
    ("case", "case"),
    ("order", "order"),
    ("product", "product"),
]


class Migration(migrations.Migration):
    dependencies = [("connections", "0006_kept_tokens"), ("sync", "0006_urgent")]

    operations = [
        migrations.CreateModel(
            name="MappedField",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=KINDS, max_length=20, verbose_name="object")),
                ("week", models.DateField(verbose_name="week")),
                ("source", models.CharField(max_length=60, verbose_name="our field")),
                ("target", models.CharField(max_length=100, verbose_name="their field")),
                ("at", models.DateTimeField(verbose_name="time")),
                ("records", models.PositiveIntegerField(verbose_name="records")),
                ("filled", models.PositiveIntegerField(verbose_name="filled")),
                ("empty", models.PositiveIntegerField(verbose_name="empty")),
                ("refused", models.PositiveIntegerField(verbose_name="refused")),
                ("differing", models.PositiveIntegerField(verbose_name="differing")),
                ("rows", models.JSONField(default=dict)),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mapped_fields",
                        to="connections.connection",
                        verbose_name="connection",
                    ),
                ),
            ],
            options={
                "verbose_name": "field of a mapping report",
                "verbose_name_plural": "fields of mapping reports",
                "constraints": [models.UniqueConstraint(fields=("connection", "week", "kind", "target"), name="sync_mapped_once")],
            },
        ),
    ]
