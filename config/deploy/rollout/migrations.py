"""The database on the way to another release: the one that still runs must survive it.

`manage.py check_migrations` of a release judges its own migrations. Above `releases`.
"""

from config.deploy.rollout.host import Host
from config.deploy.rollout.releases import manage


def judge(host: Host, release: str, running: str) -> tuple[list[str], list[str]]:
    """Which migrations the release brings, and what speaks against going to it: what the running
    one would not survive, and what the running one did that the release would not survive."""
    said = manage(host, release, "check_migrations")
    objections = _lines(said, "refused")
    unknown = _lines(said, "unknown")
    if unknown:
        own = manage(host, running, f"check_migrations {' '.join(unknown)}")
        objections += _lines(own, "refused")
    return _lines(said, "pending"), objections


def migrate(host: Host, release: str) -> None:
    manage(host, release, "migrate --no-input --verbosity 0")


def _lines(said: str, kind: str) -> list[str]:
    pairs = (line.partition(" ") for line in said.splitlines())
    return [rest for word, _, rest in pairs if word == kind]
