"""A move from SQLite to PostgreSQL, by the commands of docs/configuration.md."""

from pathlib import Path

from tests.e2e.interpreter import Interpreter, interpreter
from tests.e2e.service import Installation

CALL = "from django.core.management import call_command; call_command"
MOVED = ["--natural-foreign", "--natural-primary", "sites", "auth", "otp_totp", "admin"]
FILL_SQLITE = """
from datetime import timedelta
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.utils import timezone
from sites.models import ApiKey, Site
call_command("migrate", verbosity=0)
owner = User.objects.create_user("owner", is_staff=True)
owner.groups.add(Group.objects.get(name="Site owners"))
site = Site.objects.create(name="shop", auth_url="http://shop.com/", user_room_prefix="user_")
site.owners.add(owner)
ApiKey.objects.filter(pk=ApiKey.objects.add(site, "key-of-the-shop").pk).update(use_count=7)
ApiKey.objects.add(site, "key-that-ends").end(timezone.now() - timedelta(days=1))
"""
LOOK_AT_WHAT_MOVED = """
from sites.models import ApiKey, Site
site = Site.objects.get(name="shop")
names = [[owner.username for owner in site.owners.all()]]
names.append([group.name for owner in site.owners.all() for group in owner.groups.all()])
print(site.name, site.user_room_prefix, *names)
for key in ("key-of-the-shop", "key-that-ends"):
    row = site.api_keys.with_text(key).get()
    print(key, row.use_count, row.is_usable)
Site.objects.create(name="another", auth_url="http://another.com/")
print(Site.objects.count(), "sites")
"""
USE_DATABASE = """
from django.db import connection
connection.settings_dict["NAME"] = {name!r}
connection.close_pool()
"""


async def move(former: Installation, dump: Path, python: Interpreter) -> list[str]:
    """Fill the database of `former`, write it to the file `dump`, and load that into the database
    `moved`, where `python` is at home in `shared`. Return what was found there."""
    async with interpreter(former) as of_former:
        await of_former.run(FILL_SQLITE)
        await of_former.run(f"{CALL}('dumpdata', *{MOVED}, output={str(dump)!r})")
    await python.run(USE_DATABASE.format(name="moved"))
    await python.run(f"{CALL}('migrate', verbosity=0)")
    await python.run(f"{CALL}('loaddata', {str(dump)!r}, verbosity=0)")
    said = await python.run(LOOK_AT_WHAT_MOVED)
    await python.run(USE_DATABASE.format(name="shared"))
    return said.splitlines()
