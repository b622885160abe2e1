"""Business hours, shifts, and what the assignment of conversations goes by."""

import django.db.models.deletion
import scrm.core.zones
import scrm.staff.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0006_kept_tokens'),
        ('staff', '0001_staff'),
    ]

    operations = [
        migrations.CreateModel(
            name='BusinessHours',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True, verbose_name='name')),
                ('time_zone', models.CharField(default='Asia/Hong_Kong', max_length=40, validators=[scrm.core.zones.check_time_zone], verbose_name='time zone')),
                ('country', models.CharField(blank=True, choices=[('HK', 'Hong Kong'), ('TW', 'Taiwan'), ('JP', 'Japan'), ('SG', 'Singapore'), ('MO', 'Macao')], help_text='Closed on these days. Empty: none.', max_length=2, verbose_name='public holidays of')),
                ('mon', models.CharField(blank=True, default='09:00-18:00', help_text='For example 09:00-12:30, 14:00-18:00', max_length=100, verbose_name='Monday')),
                ('tue', models.CharField(blank=True, default='09:00-18:00', max_length=100, verbose_name='Tuesday')),
                ('wed', models.CharField(blank=True, default='09:00-18:00', max_length=100, verbose_name='Wednesday')),
                ('thu', models.CharField(blank=True, default='09:00-18:00', max_length=100, verbose_name='Thursday')),
                ('fri', models.CharField(blank=True, default='09:00-18:00', max_length=100, verbose_name='Friday')),
                ('sat', models.CharField(blank=True, max_length=100, verbose_name='Saturday')),
                ('sun', models.CharField(blank=True, max_length=100, verbose_name='Sunday')),
                ('days', models.TextField(blank=True, help_text='One a line: 2026-12-31 09:00-15:00, or 2027-01-02 - for closed. They go before weekdays and holidays.', verbose_name='single days')),
            ],
            options={
                'verbose_name': 'business hours',
                'verbose_name_plural': 'business hours',
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='team',
            name='first_response_minutes',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Within business hours. Empty: the general target.', null=True, verbose_name='minutes to answer'),
        ),
        migrations.AddField(
            model_name='team',
            name='languages',
            field=models.JSONField(blank=True, default=scrm.staff.models.no_words, verbose_name='languages'),
        ),
        migrations.AddField(
            model_name='team',
            name='numbers',
            field=models.ManyToManyField(blank=True, help_text='None chosen: all.', limit_choices_to={'kind': 'channel'}, related_name='teams', to='connections.connection', verbose_name='numbers'),
        ),
        migrations.AddField(
            model_name='team',
            name='resolution_hours',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Within business hours, from the opening of the conversation. Empty: no target.', null=True, verbose_name='hours to resolve'),
        ),
        migrations.AddField(
            model_name='team',
            name='skills',
            field=models.JSONField(blank=True, default=scrm.staff.models.no_words, verbose_name='tags that it is there for'),
        ),
        migrations.AddField(
            model_name='team',
            name='takes_new',
            field=models.BooleanField(db_default=False, default=False, help_text='Waiting conversations are given to its members by themselves: by language, skill and load, in turn.', verbose_name='gets new conversations'),
        ),
        migrations.AddField(
            model_name='user',
            name='capacity',
            field=models.PositiveSmallIntegerField(db_default=20, default=20, help_text='No more are given to this person by themselves.', verbose_name='conversations at a time'),
        ),
        migrations.AddField(
            model_name='user',
            name='languages',
            field=models.JSONField(blank=True, default=scrm.staff.models.no_words, verbose_name='languages'),
        ),
        migrations.AddField(
            model_name='user',
            name='last_assigned_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='presence',
            field=models.CharField(choices=[('online', 'here'), ('away', 'away')], db_default='online', default='online', max_length=6, verbose_name='presence'),
        ),
        migrations.AddField(
            model_name='user',
            name='seen_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='last seen in the inbox'),
        ),
        migrations.AddField(
            model_name='user',
            name='skills',
            field=models.JSONField(blank=True, default=scrm.staff.models.no_words, verbose_name='skills (tags)'),
        ),
        migrations.AddField(
            model_name='team',
            name='hours',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='teams', to='staff.businesshours', verbose_name='business hours'),
        ),
        migrations.CreateModel(
            name='Shift',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField(verbose_name='begins')),
                ('ends_at', models.DateTimeField(verbose_name='ends')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='shifts', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'shift',
                'verbose_name_plural': 'shifts',
                'ordering': ['-starts_at', 'user'],
                'indexes': [models.Index(fields=['user', 'ends_at'], name='staff_shifts')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='staff_shift_forward'), models.UniqueConstraint(fields=('user', 'starts_at'), name='staff_shift_once')],
            },
        ),
    ]
