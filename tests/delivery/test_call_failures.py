"""What a failed call to a site is called, after real calls that fail."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from delivery.call_failures import in_words
from delivery.outgoing import Place
from delivery.site_client import SiteClient
from delivery.site_connection import CallFailed
from sites.networks import DenyList
from tests.e2e.waiting import until_taken


async def fail(url: str, timeout_seconds: float = 10) -> str:
    client = SiteClient(DenyList(), timeout_seconds)
    with pytest.raises(CallFailed) as failure:
        await client.get(url, {})
    client.close()
    return str(failure.value)


@pytest_asyncio.fixture
async def rude_site() -> AsyncIterator[str]:
    """By path: hangs up, answers half, answers no HTTP, or does not answer."""
    replies = {
        b"/half": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[",
        b"/none": b"220 mail\r\n\r\n",
    }

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).split(b" ")[1:2]
        if path == [b"/hung"]:
            await reader.read()
        writer.write(replies.get(path[0] if path else b"", b""))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
        await until_taken()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nobody_listens(host: str) -> None:
    expected = f"Nothing listens at {host}:1 (connection refused)"
    assert await fail(f"http://{host}:1/") == expected


@pytest.mark.parametrize("name", ["shop.invalid", f"{'x' * 64}.example.com"])
async def test_a_name_is_not_known(name: str) -> None:
    assert await fail(f"http://{name}/") == f"The name {name} is not known here (DNS)"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "It closed the connection before it had answered"),
        ("/half", "What it answered is no valid HTTP, or ended half-way"),
        ("/none", "What it answered is no valid HTTP, or ended half-way"),
    ],
)
async def test_an_answer_is_missing_or_broken(rude_site: str, path: str, words: str) -> None:
    assert await fail(f"http://{rude_site}{path}") == words


async def test_it_takes_too_long(rude_site: str) -> None:
    assert await fail(f"http://{rude_site}/hung", 0.05) == "It took too long to answer"


async def test_https_is_not_spoken_there(rude_site: str) -> None:
    words = await fail(f"https://{rude_site}/")
    assert words.startswith(rude_site)
    assert "TLS" in words or "cannot be reached" in words


async def test_an_address_that_no_call_can_go_to() -> None:
    assert (await fail("http://a:b:c/")).startswith("The call failed: ")


def test_whatever_else_fails_is_named() -> None:
    assert in_words(OSError(), Place("x", 1, is_tls=False)) == "x:1 cannot be reached: OSError"
