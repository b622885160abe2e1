from django.db import migrations, models


class Migration(migrations.Migration):
    """Wider texts: on PostgreSQL a change of the catalogue alone, no row is touched."""

    dependencies = [("sync", "0008_sales")]

    operations = [
        migrations.AlterField("salestate", "name", models.CharField(blank=True, max_length=500, verbose_name="name")),
        migrations.AlterField("salestate", "stage", models.CharField(blank=True, max_length=255, verbose_name="stage")),
        migrations.AlterField("salestate", "priority", models.CharField(blank=True, max_length=255, verbose_name="priority")),
        migrations.AlterField(
            "syncconflict",
            "reason",
            models.CharField(
                choices=[("both", "both sides changed it"), ("unfit", "their value does not fit"), ("cut", "their value is longer")],
                max_length=5,
                verbose_name="why",
            ),
        ),
    ]
