"""Option names that the Node libraries know and that have no meaning here.

config.yml of the Node service hands whole mappings to node_redis, flake-idgen and
Socket.IO. What those libraries know must not stop the start: the option is left
out, and one warning says so. First stop after the YAML file, before the schema;
imports nothing of the project.
"""

from collections.abc import Iterator

TOP_LEVEL = frozenset({"servers", "winston"})
REDIS = frozenset(
    {
        "command_queue_high_water", "command_queue_low_water", "connect_timeout",
        "detect_buffers", "disable_resubscribing", "enable_offline_queue", "max_attempts",
        "no_ready_check", "parser", "rename_commands", "retry_max_delay", "retry_strategy",
        "retry_unfulfilled_commands", "return_buffers", "socket_initial_delay",
        "socket_initialdelay", "socket_keepalive", "socket_nodelay", "string_numbers",
    }
)  # fmt: skip
TLS = frozenset(
    {
        "ALPNProtocols", "agent", "checkServerIdentity", "ciphers", "crl", "dhparam",
        "ecdhCurve", "honorCipherOrder", "host", "lookup", "maxVersion", "minDHSize",
        "minVersion", "passphrase", "path", "pfx", "port", "requestCert", "secureContext",
        "secureOptions", "secureProtocol", "servername", "session", "sessionIdContext",
        "sigalgs", "socket", "timeout",
    }
)  # fmt: skip
SOCKET_IO = frozenset(
    {
        # Socket.IO and Engine.IO 3 and 4
        "adapter", "addTrailingSlash", "allowEIO3", "allowRequest",
        "cleanupEmptyChildNamespaces", "connectionStateRecovery", "destroyUpgrade",
        "destroyUpgradeTimeout", "initialPacket", "parser", "serveClient", "upgradeTimeout",
        "wsEngine",
        # 1.x and 2.x
        "cookieHttpOnly", "cookiePath", "handlePreflightRequest", "policyFile", "resource",
        # 0.9, which 1.x users often carried along
        "authorization", "blacklist", "browser client", "browser client cache",
        "browser client etag", "browser client expires", "browser client gzip",
        "browser client handler", "browser client minification", "client store expiration",
        "close timeout", "destroy buffer size", "destroy upgrade", "flash policy port",
        "flash policy server", "heartbeat interval", "heartbeat timeout", "heartbeats",
        "log", "log colors", "log level", "logger", "match origin protocol",
        "polling duration", "static", "store", "transport options",
    }
)  # fmt: skip
CORS = frozenset(
    {
        "allowedHeaders", "exposedHeaders", "maxAge", "methods", "optionsSuccessStatus",
        "preflightContinue",
    }
)  # fmt: skip
COOKIE = frozenset({"encode", "expires", "partitioned", "priority", "signed"})
COMPRESSION = frozenset(
    {
        "chunkSize", "dictionary", "finishFlush", "flush", "info", "level", "maxOutputLength",
        "memLevel", "strategy", "windowBits",
    }
)  # fmt: skip

# By the dotted path of the mapping they stand in, below the environment's section.
NO_MEANING: dict[str, frozenset[str]] = {
    "": TOP_LEVEL,
    "redis": REDIS,
    "redis.tls": TLS,
    "io": SOCKET_IO,
    "io.cors": CORS,
    "io.cookie": COOKIE,
    "io.httpCompression": COMPRESSION,
}


def without_meaning(options: dict[str, object], path: str = "") -> Iterator[str]:
    """Take what has no meaning here out of `options`, in place; yield the dotted paths."""
    prefix = f"{path}." if path else ""
    for name, value in list(options.items()):
        if name in NO_MEANING.get(path, ()):
            del options[name]
            yield prefix + name
        elif isinstance(value, dict):
            yield from without_meaning(value, prefix + name)
