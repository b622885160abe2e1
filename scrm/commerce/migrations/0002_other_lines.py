from django.db import migrations, models


class Migration(migrations.Migration):
    """A column with a constant default: no row is written."""

    dependencies = [("commerce", "0001_commerce")]

    operations = [
        migrations.AddField(
            "order",
            "other_lines",
            models.JSONField(
                db_default=models.Value([], models.JSONField()), default=list, editable=False, verbose_name="other lines"
            ),
        ),
    ]
