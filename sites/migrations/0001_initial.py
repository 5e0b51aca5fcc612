
import django.db.models.deletion
import sites.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Site',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Clients connect with io("/name"). Renaming or deleting a site disconnects its clients.', max_length=64, unique=True, validators=[sites.validators.validate_site_name])),
                ('auth_url', models.CharField(help_text="Asked with the client's token for the list of rooms, e.g. https://newsite.com/socketrooms.", max_length=2000, validators=[sites.validators.validate_http_url], verbose_name='auth URL')),
                ('auth_scheme', models.CharField(default='Bearer', help_text='First word of the Authorization header sent to the auth URL.', max_length=64, validators=[sites.validators.validate_auth_scheme])),
                ('user_room_prefix', models.CharField(blank=True, default='', help_text='Rooms that start with this, e.g. "user_", belong to one user, and their messages are kept until acknowledged. Blank: no such rooms.', max_length=256, validators=[sites.validators.validate_room])),
                ('prefixed_system_events', models.BooleanField(default=False, help_text='For clients written for later Node versions: "_batch", "_resync" and "_settings" in place of "batch" and "resync".')),
                ('update_user_url', models.CharField(blank=True, default='', help_text='From sites.yml of later Node versions; this service does not call it yet.', max_length=2000, validators=[sites.validators.validate_http_url], verbose_name='update user URL')),
                ('public_channel', models.CharField(blank=True, default='', help_text='From sites.yml of later Node versions. Here it is a shared room like any other.', max_length=256, validators=[sites.validators.validate_room])),
                ('is_enabled', models.BooleanField(default=True, help_text='A disabled site refuses messages and disconnects its clients.', verbose_name='enabled')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='updated')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(blank=True, default='', help_text='Who uses this key, e.g. "shop backend".', max_length=100)),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('first_characters', models.CharField(blank=True, default='', editable=False, max_length=4)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last used')),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='revoked')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='sites.site')),
            ],
            options={
                'verbose_name': 'API key',
                'ordering': ['site__name', '-created_at'],
                'constraints': [models.UniqueConstraint(fields=('site', 'digest'), name='sites_apikey_unique_per_site')],
            },
        ),
    ]
