"""Clients that look at the embedded Redis from outside."""

import redis


def connect(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, single_connection_client=True, decode_responses=True)


def process_id(url: str) -> int:
    with connect(url) as client:
        return int(client.info("server")["process_id"])


def is_running(url: str) -> bool:
    try:
        return process_id(url) > 0
    except redis.ConnectionError:
        return False
