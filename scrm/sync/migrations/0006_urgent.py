from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "0005_hours")]

    operations = [
        migrations.AddField(
            model_name="syncplan",
            name="urgent",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Written at once even in the connection's quiet hours.",
                verbose_name="urgent",
            ),
        ),
    ]
