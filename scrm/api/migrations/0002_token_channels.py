"""Tokens that see some channels only. A new table; the tokens stay as they are."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0001_api'),
        ('connections', '0006_kept_tokens'),
    ]

    operations = [
        migrations.AddField(
            model_name='partnertoken',
            name='channels',
            field=models.ManyToManyField(blank=True, help_text='What the partner sees: conversations on these, and the people in them. None chosen: everything.', limit_choices_to={'kind': 'channel'}, related_name='+', to='connections.connection', verbose_name='channels'),
        ),
    ]
