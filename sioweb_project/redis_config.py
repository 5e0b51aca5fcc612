"""`redis` in config.yml: node_redis' options, and what the service makes of them.

May import options and redis_address.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Tag, model_validator

from sioweb_project.options import (
    MAPPING,
    MAX_INT32,
    VALUE,
    Host,
    MappingOrValue,
    Options,
    Text,
    YesNo,
    conflict,
)
from sioweb_project.redis_address import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    RedisAddress,
    parse_redis_url,
)

EMBEDDED = "embedded"
REDIS_URLS = (
    "a URL such as redis://:password@host:6379/0, rediss://host:6379/0,"
    " unix:///path/to/redis.sock?db=0, redis+sentinel://host:26379,host:26379/service or"
    " redis+cluster://host:6379,host:6379"
)
MAX_WAIT_REPLICAS = 10


@dataclass(frozen=True)
class RedisConfig:
    """`url` is None when the service is to start a Redis of its own (embedded)."""

    url: str | None = field(default=None, repr=False)  # may hold a password
    prefix: str = "sioweb"
    wait_replicas: int = 0  # that must have a message before it counts as stored


def _is_redis_url(url: str | None) -> str | None:
    if url is not None:
        parse_redis_url(url)
    return url


RedisUrl = Annotated[str | None, AfterValidator(_is_redis_url), Field(description=REDIS_URLS)]


class TlsOptions(Options):
    """node_redis' `tls`: what Node's tls.connect() takes and redis-py can do."""

    ca: Annotated[str, Field(description="PEM text, or the path of a PEM file")] = ""
    cert: Annotated[str, Field(pattern=r"^[^\n]*$", description="the path of a PEM file")] = ""
    key: Annotated[str, Field(pattern=r"^[^\n]*$", description="the path of a PEM file")] = ""
    rejectUnauthorized: YesNo = True

    @property
    def parameters(self) -> dict[str, str]:
        """The same in redis-py's names."""
        ca = "ssl_ca_data" if "-----BEGIN" in self.ca else "ssl_ca_certs"
        named = {ca: self.ca, "ssl_certfile": self.cert, "ssl_keyfile": self.key}
        reqs = {} if self.rejectUnauthorized else {"ssl_cert_reqs": "none"}
        return {name: value for name, value in named.items() if value} | reqs


class RedisOptions(Options):
    """node_redis' options."""

    host: Host = ""
    port: Annotated[int, Field(ge=1, le=65535, description="a whole number from 1 to 65535")] = (
        DEFAULT_PORT
    )
    path: Annotated[str, Field(pattern=r"^/", description="the absolute path of a Unix socket")] = (
        ""
    )
    url: RedisUrl = None
    auth_pass: Text = ""
    password: Text = ""
    user: Text = ""
    username: Text = ""
    db: Annotated[int, Field(ge=0, le=MAX_INT32, description="a whole number, 0 or more")] = 0
    family: Annotated[Literal["IPv4", "IPv6", 4, 6] | None, Field(description="IPv4 or IPv6")] = (
        None
    )
    tls: Annotated[
        Annotated[bool, Tag(VALUE)] | Annotated[TlsOptions, Tag(MAPPING)],
        MappingOrValue,
        Field(description="true, false or a mapping"),
    ] = False
    prefix: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_.:/-]{1,64}$",
            description="1 to 64 of letters, digits, and _ . : / -",
        ),
    ] = "sioweb"
    wait_replicas: Annotated[
        int,
        Field(
            ge=0, le=MAX_WAIT_REPLICAS, description=f"a whole number from 0 to {MAX_WAIT_REPLICAS}"
        ),
    ] = 0

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for one, other in (("password", "auth_pass"), ("username", "user")):
            values = {getattr(self, one), getattr(self, other)} - {""}
            if len(values) > 1:
                raise conflict(self, one, f"differs from {other}; accepted: one of the two")
        for name in ("host", "port", "path"):
            if self.url and name in self.model_fields_set:
                raise conflict(self, name, "stands beside url; accepted: one of the two")
        if self.db and self._address().is_cluster:
            raise conflict(self, "db", "is no database of a cluster; accepted: 0")
        self._check_family()
        return self

    def _check_family(self) -> None:
        try:
            version = ipaddress.ip_address(self.host).version
        except ValueError:
            return  # a name
        if self.family and str(version) not in str(self.family):
            raise conflict(self, "family", f"does not fit host; accepted: IPv{version}")

    @property
    def redis_config(self) -> RedisConfig:
        return RedisConfig(self._address().url, self.prefix, self.wait_replicas)

    def warnings(self) -> Iterator[str]:
        if self.family and not self.path and not self.url:
            yield "redis.family has no effect: the system's name resolution chooses IPv4 or IPv6"

    def _address(self) -> RedisAddress:
        if self.url:
            return self._complete(parse_redis_url(self.url))
        ipv6 = "6" in str(self.family)
        return self._complete(
            RedisAddress(
                host=self.host or ("::1" if ipv6 else DEFAULT_HOST), port=self.port, path=self.path
            )
        )

    def _complete(self, address: RedisAddress) -> RedisAddress:
        """Add what may stand beside `url`; the option wins over the URL's own."""
        tls = self.tls
        return replace(
            address,
            db=self.db if "db" in self.model_fields_set else address.db,
            username=self.username or self.user or address.username,
            password=self.password or self.auth_pass or address.password,
            is_tls=address.is_tls or bool(tls),
            tls=tls.parameters if isinstance(tls, TlsOptions) else address.tls,
        )
