"""The suite finds faults: a stand-in that has one fails the check that is about it, and only
a server of another address has to be named to ask that."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import get_args

import pytest

from tests.contract import test_connecting, test_receiving, test_sending
from tests.contract.conftest import KEY, SITE
from tests.contract.contract import Contract, Server
from tests.contract.stand_in import Fault, stand_in
from tests.e2e.node_client import NodeProcess
from tests.e2e.site import FakeSite
from tests.redis_process import free_port

PROJECT = Path(__file__).parents[2]
SENDING = "tests/contract/test_sending.py"  # a part is enough to see that the options are read
RUN_SECONDS = 90.0
Check = Callable[[Contract], Awaitable[None]]
CHECKS: dict[Fault, Check] = {
    "accepts any key": test_sending.test_a_wrong_key_and_an_unknown_site_are_401_alike,
    "answers as Node did": test_sending.test_ids_are_numbers_as_text_and_increase,
    "asks for no ack": test_receiving.test_user_rooms_ask_for_an_ack_and_shared_rooms_for_none,
    "asks nobody": test_connecting.test_a_token_in_the_query_is_brought_to_the_auth_url,
    "forgets one": test_receiving.test_what_was_not_acknowledged_comes_again_as_one_batch_in_order,
    "ignores acks": test_receiving.test_what_was_acknowledged_does_not_come_again,
    "mixes up order": (
        test_receiving.test_what_was_not_acknowledged_comes_again_as_one_batch_in_order
    ),
    "sends two copies": (
        test_receiving.test_a_call_that_names_several_rooms_of_a_client_gives_it_one_copy
    ),
    "shows all to all": test_receiving.test_other_users_hear_nothing,
    "takes false for true": (test_receiving.test_an_ack_out_of_order_with_resync_false_is_none),
}


async def test_each_fault_has_its_check() -> None:
    assert set(get_args(Fault)) - {""} == set(CHECKS)


@pytest.mark.parametrize("fault", CHECKS)
async def test_a_fault_is_found(fault: Fault, website: FakeSite, node: NodeProcess) -> None:
    async with (
        stand_in(SITE, KEY, website.url("rooms"), fault) as url,
        Contract.with_server(Server(url, SITE, KEY), website, node) as contract,
    ):
        with pytest.raises(AssertionError):
            await CHECKS[fault](contract)


async def test_the_command_asks_the_server_that_it_is_given() -> None:
    """As docs/moving-from-node.md has it, of one with a fault: that is what it tells."""
    port = free_port()
    async with stand_in("theirs", "54321", f"http://127.0.0.1:{port}/", "accepts any key") as url:
        given = ["--url", url, "--site", "theirs", "--key", "54321"]
        given += ["--user-room-prefix", "user_", "--auth-listen", f"127.0.0.1:{port}"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-p", "no:randomly", "-q", SENDING, *given),
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    said = output.decode()
    assert process.returncode == 1, said
    assert re.findall(r"^FAILED .*::(\w+)", said, re.MULTILINE) == [
        CHECKS["accepts any key"].__name__
    ]
    assert re.search(r"^1 failed, \d\d passed", said, re.MULTILINE), said
