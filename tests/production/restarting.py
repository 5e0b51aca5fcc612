"""Restart both processes in turn, as the guide's last block does, and count what senders see.

Runs in the machine, on the release that the guide has installed. Exit code 1: a call failed.
"""

import asyncio
import sys
from collections import Counter
from pathlib import Path

import yaml
from aiohttp import ClientError, ClientSession

SITES = Path("/srv/sioweb/shared/config/sites.yml")
URL = "https://127.0.0.1/send?site=newsite"
MESSAGE = {"rooms": ["user_1"], "event": "restarting"}
PAUSE_SECONDS = 0.02
PORTS = (1337, 1338)


async def main(key: str) -> int:
    outcomes: Counter[int | str] = Counter()
    sending = asyncio.create_task(send_for_ever(key, outcomes))
    for port in PORTS:
        process = await asyncio.create_subprocess_exec("systemctl", "restart", f"sioweb@{port}")
        assert await process.wait() == 0, f"sioweb@{port} does not restart"
    sending.cancel()
    sys.stdout.write(f"calls of /send during two restarts, by status: {dict(outcomes)}\n")
    return int(outcomes.keys() != {200})


async def send_for_ever(key: str, outcomes: Counter[int | str]) -> None:
    async with ClientSession(headers={"X-Api-Key": key}) as http:
        for number in range(1_000_000):
            try:
                headers = {"Idempotency-Key": f"restarting-{number}"}
                async with http.post(URL, json=MESSAGE, headers=headers, ssl=False) as response:
                    outcomes[response.status] += 1
            except ClientError as error:
                outcomes[type(error).__name__] += 1
            await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    site = yaml.safe_load(SITES.read_text())["newsite"]
    sys.exit(asyncio.run(main(str(site["apiKey"]))))
