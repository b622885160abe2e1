"""The answer that is owed: until when, for which wait, overdue since. Nullable columns: safe on a large table."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0006_kept_tokens'),
        ('contacts', '0011_imports'),
        ('conversations', '0011_counts'),
        ('staff', '0002_rota'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='conversation',
            name='breached_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='overdue since'),
        ),
        migrations.AddField(
            model_name='conversation',
            name='due_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='answer due'),
        ),
        migrations.AddField(
            model_name='conversation',
            name='due_for',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
