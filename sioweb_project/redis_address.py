"""Where Redis is: node_redis' options and Redis URLs to one URL.

That of a single server is in redis-py's form; redis_settings.py reads the others.
Called by config.py with what the schema has checked. Imports nothing of the
project; problems are ValueErrors whose text never holds a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 6379
SENTINEL_PORT = 26379
GROUPS = ("sentinel", "cluster")  # behind the + of a scheme
SCHEMES = ("redis", "rediss", "unix", *(f"{s}+{g}" for g in GROUPS for s in ("redis", "rediss")))
# What a URL's query may say; redis-py hands anything else on, to fail at the first command.
TLS_PARAMETERS = (
    "ssl_ca_certs",
    "ssl_ca_data",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
)
SENTINEL_PARAMETERS = ("sentinel_password", "sentinel_username")
PARAMETERS = ("db", "password", *SENTINEL_PARAMETERS, "username", *TLS_PARAMETERS)

AUTHORITY_PATH_QUERY = re.compile(r"([^/?#]*)([^?#]*)(.*)", re.DOTALL)

Node = tuple[str, int]
"""A host and its port."""


@dataclass(frozen=True)
class RedisAddress:
    """A Redis server and database; `path`, a Unix socket, wins over host and port.

    `nodes` win over all three: with a `service`, the sentinels that know where its master
    is, else some nodes of a cluster.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    path: str = ""
    db: int = 0
    username: str = ""
    password: str = ""
    is_tls: bool = False
    tls: Mapping[str, str] = field(default_factory=dict)  # TLS_PARAMETERS to values
    nodes: tuple[Node, ...] = ()
    service: str = ""
    sentinel: Mapping[str, str] = field(default_factory=dict)  # SENTINEL_PARAMETERS to values

    @property
    def is_cluster(self) -> bool:
        return bool(self.nodes) and not self.service

    @property
    def url(self) -> str:
        """The URL in its normal form.

        >>> RedisAddress(host="::1", password="a/b@c").url
        'redis://:a%2Fb%40c@[::1]:6379/0'
        >>> RedisAddress(path="/run/redis 1.sock", db=2).url
        'unix:///run/redis%201.sock?db=2'
        >>> RedisAddress(is_tls=True, tls={"ssl_cert_reqs": "none"}).url
        'rediss://127.0.0.1:6379/0?ssl_cert_reqs=none'
        >>> RedisAddress(nodes=(("a", 26379), ("b", 26379)), service="main", db=2).url
        'redis+sentinel://a:26379,b:26379/main/2'
        """
        if self.path:
            return f"unix://{self._credentials}{quote(self.path)}?db={self.db}"
        parameters = {**self.tls, **self.sentinel}
        query = f"?{urlencode(parameters)}" if parameters else ""
        hosts = ",".join(map(_written, self.nodes or [(self.host, self.port)]))
        service = f"{quote(self.service, safe='')}/" if self.service else ""
        return f"{self._scheme}://{self._credentials}{hosts}/{service}{self.db}{query}"

    @property
    def _scheme(self) -> str:
        scheme = "rediss" if self.is_tls else "redis"
        if not self.nodes:
            return scheme
        return f"{scheme}+{'sentinel' if self.service else 'cluster'}"

    @property
    def _credentials(self) -> str:
        if not self.username and not self.password:
            return ""
        return f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@"


def parse_redis_url(url: str) -> RedisAddress:
    """Read a Redis URL; `//host` without a scheme is redis://, as for node_redis.

    >>> parse_redis_url("rediss://me:p%40ss@example.com/3").url
    'rediss://me:p%40ss@example.com:6379/3'
    >>> parse_redis_url("unix:///run/redis.sock?db=1").url
    'unix:///run/redis.sock?db=1'
    >>> parse_redis_url("redis+cluster://:p@a,b:6380").url
    'redis+cluster://:p@a:6379,b:6380/0'

    Raises ValueError when it is none, or has a database or parameter that is none.
    """
    scheme, _, rest = url.partition("://")
    if scheme in SCHEMES and "+" in scheme:
        return _parse_group(scheme, rest)
    parts = _split(f"redis:{url}" if url.startswith("//") else url)
    address = _address(parts, _parameters(parts))
    if parts.scheme == "unix":
        return replace(address, path=_socket_path(parts))
    return replace(
        address, host=unquote(parts.hostname or "") or DEFAULT_HOST, port=parts.port or DEFAULT_PORT
    )


def _parse_group(scheme: str, rest: str) -> RedisAddress:
    """As the URL of one server, but with several hosts, and Sentinel's service before the db."""
    single, _, kind = scheme.partition("+")
    authority, path, query = AUTHORITY_PATH_QUERY.findall(rest)[0]
    credentials, at, hosts = authority.rpartition("@")
    service = ""
    if kind == "sentinel":
        service, _, path = path.strip("/").partition("/")
        if not service:
            raise ValueError("it names no service, as in host:26379/service")
    nodes = tuple(
        _node(host, SENTINEL_PORT if service else DEFAULT_PORT) for host in hosts.split(",")
    )
    parts = _split(f"{single}://{credentials}{at}{hosts.split(',')[0]}/{path.strip('/')}{query}")
    address = _address(parts, _parameters(parts, is_sentinel=bool(service)))
    if not service and address.db:
        raise ValueError("a cluster has no database but 0")
    return replace(address, nodes=nodes, service=unquote(service))


def _address(parts: SplitResult, parameters: Mapping[str, str]) -> RedisAddress:
    """Return what a URL says besides where."""
    return RedisAddress(
        db=_database(parts, parameters),
        username=unquote(parts.username or "") or parameters.get("username", ""),
        password=unquote(parts.password or "") or parameters.get("password", ""),
        is_tls=parts.scheme == "rediss",
        tls={name: parameters[name] for name in TLS_PARAMETERS if name in parameters},
        sentinel={name: parameters[name] for name in SENTINEL_PARAMETERS if name in parameters},
    )


def _node(text: str, default_port: int) -> Node:
    parts = _split(f"redis://{text}")
    if not parts.hostname or parts.path:
        raise ValueError("one of its hosts is none")
    return unquote(parts.hostname), parts.port or default_port


def _written(node: Node) -> str:
    host, port = node
    return f"[{host}]:{port}" if ":" in host else f"{quote(host)}:{port}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        # Not `from`, and not its text: that quotes the URL, password and all.
        raise ValueError("its host or port is none") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(f"its scheme is none of {', '.join(SCHEMES)}")
    if not has_port:
        raise ValueError("its port is 0")
    return parts


def _parameters(parts: SplitResult, is_sentinel: bool = False) -> dict[str, str]:
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in parameters:
        if name not in PARAMETERS:
            raise ValueError(f"its parameter {name} is none of {', '.join(PARAMETERS)}")
    if not is_sentinel and not parameters.keys().isdisjoint(SENTINEL_PARAMETERS):
        raise ValueError("its sentinel_ parameters need redis+sentinel://")
    if parts.scheme != "rediss" and not parameters.keys().isdisjoint(TLS_PARAMETERS):
        raise ValueError("its ssl_ parameters need rediss://")
    if parameters.get("ssl_cert_reqs", "none") not in {"none", "optional", "required"}:
        raise ValueError("its ssl_cert_reqs is none of none, optional, required")
    return parameters


def _database(parts: SplitResult, parameters: Mapping[str, str]) -> int:
    in_path = "" if parts.scheme == "unix" else parts.path.strip("/")
    text = parameters.get("db") or in_path or "0"
    if not (text.isascii() and text.isdigit()):
        raise ValueError("its database is no whole number")
    return int(text)


def _socket_path(parts: SplitResult) -> str:
    if parts.hostname or not parts.path.startswith("/"):
        raise ValueError("the socket's path is not absolute")
    return unquote(parts.path)
