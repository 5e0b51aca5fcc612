"""The two groups of people that every installation starts with.

Made after `migrate`, once: what an admin changes in them stays as it is.
"""

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

SITE_OWNERS, OPERATORS = "Site owners", "Operators"
OF_SITE_OWNERS = (
    *("view_site", "change_site", "view_apikey", "add_apikey", "change_apikey"),
    *("send_test", "manage_clients", "view_arguments"),
)
# They run the service for others: everything but what the messages say.
OF_OPERATORS = (
    *("all_sites", "view_site", "add_site", "change_site", "delete_site"),
    *("view_apikey", "add_apikey", "change_apikey", "delete_apikey"),
    *("send_test", "manage_clients"),
)


def make_groups(sender: AppConfig, using: str, **_: Any) -> None:
    """Signal receiver: make what is missing of them."""
    # Django's own receiver runs after this one, as its app is ready later.
    create_permissions(sender, verbosity=0, using=using)
    for name, codenames in ((SITE_OWNERS, OF_SITE_OWNERS), (OPERATORS, OF_OPERATORS)):
        group, is_new = Group.objects.using(using).get_or_create(name=name)
        if is_new:
            own = Permission.objects.using(using).filter(content_type__app_label="sites")
            group.permissions.set(own.filter(codename__in=codenames))
