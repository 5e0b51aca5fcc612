"""The backplane: does an announcement come back to who has made it?"""

import asyncio
import time

from delivery.backplane import Announcement, Backplane
from delivery.exceptions import BackplaneUnavailable
from sioweb_project.doctor.findings import Finding, fail, ok

ROUND_SECONDS = 3.0
MEND = (
    "If Redis is well, as said above: it must let this user PUBLISH and SUBSCRIBE: "
    "redis-cli ACL LIST; see docs/configuration.md."
)


async def examine() -> list[Finding]:
    backplane, heard = Backplane(), asyncio.Queue[Announcement]()
    try:
        async with asyncio.timeout(ROUND_SECONDS):
            await backplane.start()
            backplane.listen(heard.put_nowait)
            await backplane.listen_to_probes()
            await backplane.probe()
            sent_at = (await heard.get())["sent_at"]
    except BackplaneUnavailable as error:
        return [fail("backplane", f"no announcement can be made: {error}", MEND)]
    except TimeoutError:
        return [fail("backplane", "an announcement did not come back", MEND)]
    finally:
        await backplane.close()
    milliseconds = (time.monotonic() - sent_at) * 1000
    return [ok("backplane", f"an announcement went round in {milliseconds:.0f} ms")]
