"""The search for secrets finds them: a service that shows one fails its test."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.e2e.leaks import assert_no_secrets, keep_arguments, keep_options, keep_secret
from tests.e2e.service import Installation, Service
from tests.e2e.site import FakeSite

ARGUMENT = "an argument that nobody else has"


async def stop_service_that_says(line: str, folder: Path) -> int:
    """Stop a process that is a service as far as the helpers can tell."""
    code = f"print('Listening on http://127.0.0.1:1', flush=True); print({line!r})"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=pipe, stderr=pipe
    )
    service = Service(Installation(folder), process)
    await service.begin()
    await process.wait()
    return await service.stop()


async def test_a_service_that_logs_a_token_cannot_be_stopped_in_peace(
    tmp_path: Path, fake_site: FakeSite
) -> None:
    user = fake_site.new_user()
    assert await stop_service_that_says(f"of {user.room}", tmp_path) == 0
    for line in (f"token {user.token}", f'{{"token":"{user.token}"}}', f"?token={user.token}&a"):
        with pytest.raises(AssertionError, match=f"shows the secret '{user.token}'"):
            await stop_service_that_says(line, tmp_path)


@pytest.mark.parametrize(
    "line",
    ["key 987654", '"apiKey": 987654', "a-password", "a-later-key", ARGUMENT, f"[{ARGUMENT}]"],
)
async def test_keys_passwords_and_arguments_are_found(line: str) -> None:
    keep_options(
        {"leaky": {"apiKey": [987654, "a-later-key"]}, "redis": {"auth_pass": "a-password"}}
    )
    keep_arguments({"deep": [ARGUMENT]})
    with pytest.raises(AssertionError, match="shows the secret"):
        assert_no_secrets(f"nothing\n{line}\nnothing")


@pytest.mark.parametrize(
    "line", ["http://127.0.0.1:987654/", "19876541", "token-9876543", "987654.3 ms", ""]
)
async def test_what_only_looks_like_one_is_none(line: str) -> None:
    keep_secret("987654", "token-987654")
    assert_no_secrets(line)
