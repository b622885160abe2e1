"""What matching keeps of each contact, and how far a comparison of all contacts has come."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0007_origins'),
    ]

    operations = [
        migrations.CreateModel(
            name='MatchProfile',
            fields=[
                ('contact', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='match_profile', serialize=False, to='contacts.contact')),
                ('version', models.PositiveSmallIntegerField()),
                ('body', models.TextField()),
            ],
            options={
                'verbose_name': 'prepared contact',
                'verbose_name_plural': 'prepared contacts',
            },
        ),
        migrations.CreateModel(
            name='MatchSweep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done')], default='running', max_length=8)),
                ('rules_version', models.PositiveIntegerField()),
                ('position', models.BigIntegerField(default=0)),
                ('compared', models.BigIntegerField(default=0)),
                ('found', models.BigIntegerField(default=0)),
                ('started_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'comparison of all contacts',
                'verbose_name_plural': 'comparisons of all contacts',
            },
        ),
        migrations.CreateModel(
            name='MatchKey',
            fields=[
                ('pk', models.CompositePrimaryKey('key', 'contact_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('key', models.BigIntegerField()),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contacts.contact')),
            ],
            options={
                'verbose_name': 'matching key',
                'verbose_name_plural': 'matching keys',
            },
        ),
    ]
