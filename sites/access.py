"""Who may do what with which site: the one place that every page of the admin asks.

A permission says what someone may do; this says with which sites. Superusers and
holders of `sites.all_sites` have all of them, others those that they own.
"""

from typing import TypeAlias

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin

from sites.models import Site, SiteQuerySet

ALL_SITES = "sites.all_sites"
MANAGE_CLIENTS = "sites.manage_clients"
SEND_TEST = "sites.send_test"
VIEW_ARGUMENTS = "sites.view_arguments"
VIEW_SITE = "sites.view_site"
ADD_SITE = "sites.add_site"
CHANGE_SITE = "sites.change_site"
ADD_KEY = "sites.add_apikey"

User: TypeAlias = AbstractBaseUser | AnonymousUser  # what a request has


def sees_all(user: User) -> bool:
    return _has(user, ALL_SITES)


def visible_sites(user: User) -> SiteQuerySet:
    """Return the sites that are this user's business, whatever they may do there."""
    sites = Site.objects.all()
    if sees_all(user):
        return sites
    # By a subquery: a join would repeat rows and upset counts that are added to this.
    return sites.filter(pk__in=Site.owners.through.objects.filter(user=user.pk).values("site"))


def covers(user: User, site: Site) -> bool:
    """Whether the site is this user's business."""
    return sees_all(user) or visible_sites(user).filter(pk=site.pk).exists()


def may(user: User, site: Site, permission: str) -> bool:
    """Whether the user has the permission, such as `sites.send_test`, and it covers this site."""
    return _has(user, permission) and covers(user, site)


def _has(user: User, permission: str) -> bool:
    """Superusers have every permission; who is not active has none."""
    return isinstance(user, PermissionsMixin | AnonymousUser) and user.has_perm(permission)
