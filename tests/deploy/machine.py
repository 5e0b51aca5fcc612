"""A server to deploy to: sshd, what stands in for systemd, Redis, nginx in front of two ports."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.checkout import Checkout
from tests.deploy.init_system import InitSystem
from tests.deploy.ssh import SERVER, sshd
from tests.e2e.deployed_site import NAME, DeployedSite, deployed_site
from tests.e2e.nginx import require_nginx
from tests.e2e.service import Installation, Sites
from tests.redis_process import free_port

PORTS = 2
# As the production guide has it.
CONFIG = {
    "allowed_hosts": [NAME, "127.0.0.1"],
    "trusted_proxies": ["127.0.0.1"],
    "admin": {"https": True},
}


@dataclass
class Machine:
    folder: Path
    base: Path
    ports: list[int]
    init: InitSystem
    checkout: Checkout
    settings: dict[str, str]  # of the fabfile, as Python text

    @classmethod
    @asynccontextmanager
    async def create(
        cls, folder: Path, sites: Sites, config: Mapping[str, Any], settings: Mapping[str, str]
    ) -> AsyncIterator["Machine"]:
        """Set up as docs/deploying.md says, with nothing deployed yet. `settings` go into the
        fabfile, beside those of this machine."""
        require_nginx()
        base = folder / "srv"
        base.mkdir(parents=True)
        ports = [free_port() for _ in range(PORTS)]
        environment_file = folder / "sioweb.env"
        own = {"/etc/sioweb/sioweb.env": str(environment_file), "/srv/sioweb": str(base)}
        init = InitSystem(folder / "init", own)
        shared = Installation.create(base / "shared", sites, CONFIG | dict(config))
        environment_file.write_text(
            "# read by systemd and by the deploy\n"
            f'SIOWEB_CONFIG_DIR="{shared.config_dir}"\nSIOWEB_DATA_DIR={shared.data_dir}\n'
        )
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(init.running())
            home = await stack.enter_async_context(sshd(folder / "ssh", init.programs))
            checkout = Checkout.create(folder / "checkout", home)
            fabfile = {
                "hosts": f'["{SERVER}"]',
                "ports": repr(ports),
                "base": repr(str(base)),
                "environment_file": repr(str(environment_file)),
                **settings,
            }
            checkout.write_fabfile(fabfile)
            yield cls(folder, base, ports, init, checkout, fabfile)

    @asynccontextmanager
    async def behind_nginx(self) -> AsyncIterator[DeployedSite]:
        """An nginx in front of the processes, once they run."""
        async with deployed_site(self.folder / "nginx", self.ports) as site:
            yield site

    @property
    def current(self) -> str:
        return (self.base / "current").readlink().name

    @property
    def releases(self) -> list[str]:
        return sorted(each.name for each in (self.base / "releases").glob("*"))
