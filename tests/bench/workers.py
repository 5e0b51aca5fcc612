"""Programs of this folder that measure with the service's own code, in processes of their own."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.bench.servers import HERE, service_environment


async def run_worker(
    script: str, *arguments: str, config: Path, project: Path, seconds: float
) -> Any:
    """Return the JSON that it prints. `config` is the folder of its configuration, `project` the
    tree of the code. Raises RuntimeError when it fails, TimeoutError when it takes longer."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / script), *arguments),
        env=service_environment(config)
        | {"PYTHONPATH": str(project), "DJANGO_SETTINGS_MODULE": "sioweb_project.settings"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"{script} ended with {process.returncode}")
    return json.loads(output)
