from redis.asyncio import Redis

from delivery.queue_values import Claim
from delivery.queues import ONCE_SECONDS, Queues
from tests.delivery.queue_fixtures import PHONE, SITE, Sender, find_keys, texts


async def test_same_key_stores_nothing_twice(queues: Queues, send: Sender) -> None:
    await queues.open(PHONE)
    first = await send(once="a key")
    await send()
    assert await send(once="a key") == first
    assert await texts(queues, PHONE) == ['["update",1]', '["update",2]']


async def test_other_key_is_another_message(queues: Queues, send: Sender) -> None:
    assert (await send(once="a key")).seq == 1
    assert (await send(once="a Key")).seq == 2


async def test_append_is_remembered_for_five_minutes(send: Sender, redis: Redis) -> None:
    await send(once="a key")
    [key] = await find_keys(redis, "*:once:*")
    assert ONCE_SECONDS - 5 < await redis.ttl(key) <= ONCE_SECONDS == 300


async def test_first_call_claims_its_key(queues: Queues) -> None:
    assert await queues.claim(SITE, {"a key": "1"}) == [Claim("1", None)]
    assert await queues.claim(SITE, {"a key": "2"}) == [Claim("1", None)]


async def test_several_keys_are_claimed_in_one_call(queues: Queues) -> None:
    await queues.claim(SITE, {"second": "1"})
    claims = await queues.claim(SITE, {"first": "2", "second": "3", "third": "4"})
    assert claims == [Claim("2", None), Claim("1", None), Claim("4", None)]


async def test_settled_call_answers_those_that_come_again(queues: Queues) -> None:
    await queues.claim(SITE, {"a key": "1"})
    await queues.settle(SITE, {"a key": b'{"ok":true}'})
    assert await queues.claim(SITE, {"a key": "2"}) == [Claim("1", b'{"ok":true}')]


async def test_keys_of_two_sites_do_not_meet(queues: Queues) -> None:
    await queues.claim(SITE, {"a key": "1"})
    assert await queues.claim("othersite", {"a key": "2"}) == [Claim("2", None)]


async def test_claim_lives_five_minutes_from_the_first_call(queues: Queues, redis: Redis) -> None:
    await queues.claim(SITE, {"a key": "1"})
    [key] = await find_keys(redis)
    await redis.expire(key, 100)
    await queues.claim(SITE, {"a key": "2"})
    await queues.settle(SITE, {"a key": b"answer"})
    assert 95 < await redis.ttl(key) <= 100


async def test_settling_what_redis_has_lost_writes_nothing(queues: Queues, redis: Redis) -> None:
    await queues.settle(SITE, {"a key": b"answer"})
    assert await find_keys(redis) == []
