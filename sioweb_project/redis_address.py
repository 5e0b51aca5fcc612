"""Where Redis is: node_redis' options and Redis URLs to one URL of redis-py.

Called by config.py with what the schema has checked. Imports nothing of the
project; problems are ValueErrors whose text never holds a password.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 6379
SCHEMES = ("redis", "rediss", "unix")
# What a URL's query may say; redis-py hands anything else on, to fail at the first command.
TLS_PARAMETERS = (
    "ssl_ca_certs",
    "ssl_ca_data",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
)
PARAMETERS = ("db", "password", "username", *TLS_PARAMETERS)


@dataclass(frozen=True)
class RedisAddress:
    """One Redis server and database; `path`, a Unix socket, wins over host and port."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    path: str = ""
    db: int = 0
    username: str = ""
    password: str = ""
    is_tls: bool = False
    tls: Mapping[str, str] = field(default_factory=dict)  # TLS_PARAMETERS to values

    @property
    def url(self) -> str:
        """The URL in redis-py's form.

        >>> RedisAddress(host="::1", password="a/b@c").url
        'redis://:a%2Fb%40c@[::1]:6379/0'
        >>> RedisAddress(path="/run/redis 1.sock", db=2).url
        'unix:///run/redis%201.sock?db=2'
        >>> RedisAddress(is_tls=True, tls={"ssl_cert_reqs": "none"}).url
        'rediss://127.0.0.1:6379/0?ssl_cert_reqs=none'
        """
        if self.path:
            return f"unix://{self._credentials}{quote(self.path)}?db={self.db}"
        scheme = "rediss" if self.is_tls else "redis"
        host = f"[{self.host}]" if ":" in self.host else quote(self.host)
        query = f"?{urlencode(self.tls)}" if self.tls else ""
        return f"{scheme}://{self._credentials}{host}:{self.port}/{self.db}{query}"

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

    Raises ValueError when it is none, or has a database or parameter that is none.
    """
    parts = _split(f"redis:{url}" if url.startswith("//") else url)
    parameters = _parameters(parts)
    address = RedisAddress(
        db=_database(parts, parameters),
        username=unquote(parts.username or "") or parameters.get("username", ""),
        password=unquote(parts.password or "") or parameters.get("password", ""),
        is_tls=parts.scheme == "rediss",
        tls={name: parameters[name] for name in TLS_PARAMETERS if name in parameters},
    )
    if parts.scheme == "unix":
        return replace(address, path=_socket_path(parts))
    return replace(
        address, host=unquote(parts.hostname or "") or DEFAULT_HOST, port=parts.port or DEFAULT_PORT
    )


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


def _parameters(parts: SplitResult) -> dict[str, str]:
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in parameters:
        if name not in PARAMETERS:
            raise ValueError(f"its parameter {name} is none of {', '.join(PARAMETERS)}")
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
