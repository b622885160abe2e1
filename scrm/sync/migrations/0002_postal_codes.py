"""Postal codes that are completed in the background."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0007_origins'),
        ('sync', '0001_sync'),
    ]

    operations = [
        migrations.CreateModel(
            name='PostalCompletion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('done', 'Completed'), ('none', 'No certain code'), ('reverted', 'Taken back')], default='waiting', max_length=10, verbose_name='state')),
                ('address', models.CharField(help_text='A fingerprint of the address that was looked up.', max_length=64, verbose_name='for the address')),
                ('postal_code', models.CharField(blank=True, max_length=20, verbose_name='postal code')),
                ('source', models.CharField(blank=True, max_length=40, verbose_name='completed by')),
                ('confidence', models.FloatField(default=0, verbose_name='confidence')),
                ('due_at', models.DateTimeField(verbose_name='due')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('found_at', models.DateTimeField(blank=True, null=True, verbose_name='found')),
                ('reverted_by', models.CharField(blank=True, max_length=150, verbose_name='taken back by')),
                ('reverted_at', models.DateTimeField(blank=True, null=True, verbose_name='taken back')),
                ('contact', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='postal_completion', to='contacts.contact', verbose_name='contact')),
            ],
            options={
                'verbose_name': 'completed postal code',
                'verbose_name_plural': 'completed postal codes',
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['due_at', 'id'], name='sync_postal_due')],
            },
        ),
    ]
