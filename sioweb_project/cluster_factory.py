"""django-redis' connection to a Redis Cluster, which it has none of its own for.

Named in CACHES by redis_settings; `get_redis_connection("queues")` ends here. The service
itself goes by delivery.redis_cluster, as neither django-redis nor its pools know asyncio.
"""

from typing import Any

from django_redis.pool import ConnectionFactory
from redis.cluster import ClusterNode, RedisCluster


class ClusterConnectionFactory(ConnectionFactory):
    """Gives one thread-safe client for each LOCATION, as the base does with its pools."""

    _clusters: dict[str, RedisCluster] = {}

    def connect(self, url: str) -> RedisCluster:
        if url not in self._clusters:
            make_node: Any = ClusterNode
            nodes = [make_node(host, port) for host, port in self.options["CLUSTER_NODES"]]
            keywords: dict[str, Any] = self.options["CONNECTION_POOL_KWARGS"]
            self._clusters[url] = RedisCluster(startup_nodes=nodes, **keywords)
        return self._clusters[url]

    def disconnect(self, connection: RedisCluster) -> None:
        connection.close()
