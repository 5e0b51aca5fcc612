"""The `sites` app: its system checks, its groups, and the wake-up of the registry.

Not `django.contrib.sites`, whose label this app takes: the two exclude each other.
"""

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_delete, post_migrate, post_save


class SitesConfig(AppConfig):
    name = "sites"
    verbose_name = "Push service"

    def ready(self) -> None:
        # Models can be imported only now.
        from sites.checks import check_sites_file
        from sites.former_names import note_deletion
        from sites.groups import make_groups
        from sites.models import ApiKey, Site
        from sites.registry import wake_after_commit

        register(check_sites_file)
        post_migrate.connect(make_groups, sender=self)
        post_delete.connect(note_deletion, sender=Site)
        for model in (Site, ApiKey):
            post_save.connect(wake_after_commit, sender=model)
            post_delete.connect(wake_after_commit, sender=model)
