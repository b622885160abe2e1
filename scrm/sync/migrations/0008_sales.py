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
    dependencies = [
        ("connections", "0006_kept_tokens"),
        ("contacts", "0014_match_frequencies"),
        ("sync", "0007_mapping_report"),
    ]

    operations = [
        migrations.CreateModel(
            name="SaleState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=KINDS, max_length=20, verbose_name="object")),
                ("key", models.CharField(max_length=80, verbose_name="our key")),
                ("name", models.CharField(blank=True, max_length=200, verbose_name="name")),
                ("stage", models.CharField(blank=True, max_length=100, verbose_name="stage")),
                ("amount", models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True, verbose_name="amount")),
                ("currency", models.CharField(blank=True, max_length=3, verbose_name="currency")),
                ("priority", models.CharField(blank=True, max_length=40, verbose_name="priority")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed")),
                ("changed_at", models.DateTimeField(verbose_name="changed")),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sale_states",
                        to="connections.connection",
                        verbose_name="connection",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sale_states",
                        to="contacts.contact",
                        verbose_name="contact",
                    ),
                ),
            ],
            options={
                "verbose_name": "deal or case in a CRM",
                "verbose_name_plural": "deals and cases in the CRMs",
                "constraints": [models.UniqueConstraint(fields=("connection", "kind", "key"), name="sync_sale_once")],
            },
        ),
    ]
