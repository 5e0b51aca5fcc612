"""The site of `config/deploy/nginx.conf` in a real nginx, with ports and folders of the test's own.

What is replaced is what an administrator would: ports, paths, nothing else.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Certificate, make_certificate
from tests.e2e.nginx import nginx_of, require_nginx, temp_paths
from tests.redis_process import free_port
from tests.shipped import shipped

NAME = "push.example.org"
# What /etc/nginx/nginx.conf of Debian is around it.
AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log {folder}/others.log;
  {temp_paths}
  {site}
}}
"""


@dataclass(frozen=True)
class DeployedSite:
    folder: Path
    certificate: Certificate
    port: int
    plain_port: int

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self.plain_port}"

    @property
    def access_log(self) -> list[str]:
        return (self.folder / "log" / "access.log").read_text().splitlines()

    @property
    def logs(self) -> str:
        """All that this nginx has written down."""
        files = [*self.folder.glob("log/*.log"), *self.folder.glob("*.log")]
        return "\n".join(file.read_text() for file in files)


@asynccontextmanager
async def deployed_site(folder: Path, ports: Sequence[int]) -> AsyncIterator[DeployedSite]:
    """The site in front of two processes, which listen at `ports`."""
    require_nginx()
    (folder / "log").mkdir(parents=True)
    site = DeployedSite(folder, make_certificate(folder, NAME), free_port(), free_port())
    config = AROUND.format(folder=folder, temp_paths=temp_paths(folder), site=_adapted(site, ports))
    async with nginx_of(config, folder, site.url):
        yield site


def _adapted(site: DeployedSite, ports: Sequence[int]) -> str:
    first, second = map(str, ports)
    own = {
        "1337": first,
        "1338": second,
        "listen 80;": f"listen 127.0.0.1:{site.plain_port};",
        "listen [::]:80;": "",
        "listen 443 ssl": f"listen 127.0.0.1:{site.port} ssl",
        "listen [::]:443 ssl http2;": "",
        "/etc/sioweb/tls/fullchain.pem": str(site.certificate.file),
        "/etc/sioweb/tls/privkey.pem": str(site.certificate.key),
        "/var/log/sioweb": f"{site.folder}/log",
    }
    return shipped("nginx.conf", own)
