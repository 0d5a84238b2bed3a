"""A read of all hosts with asyncssh: `cold` connects and reads once, `open` connects and then reads again and again.

    asyncssh_client.py FLEET.json (cold | open ROUNDS)

Prints the milliseconds of each round as JSON on the last line (`open`), or one line for each host (`cold`).
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import asyncssh

FLEET = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


async def connect(host: dict) -> asyncssh.SSHClientConnection:
    """Return a connection to a host whose key is checked."""
    return await asyncssh.connect(
        "127.0.0.1",
        host["port"],
        username=FLEET["user"],
        client_keys=[KEY],
        known_hosts=KNOWN,
        agent_path=None,
        config=None,
        gss_host=None,
    )


async def read_once(host: dict) -> str:
    """Connect, read, and go."""
    async with await connect(host) as connection:
        return (await connection.run(FLEET["command"], check=True)).stdout


async def main() -> None:
    """Read as the arguments say."""
    if sys.argv[2] == "cold":
        for text in await asyncio.gather(*(read_once(host) for host in FLEET["hosts"])):
            sys.stdout.write(text)
        return
    connections = await asyncio.gather(*(connect(host) for host in FLEET["hosts"]))
    times_ms = []
    for _ in range(int(sys.argv[3])):
        started = time.perf_counter()
        await asyncio.gather(*(connection.run(FLEET["command"], check=True) for connection in connections))
        times_ms.append((time.perf_counter() - started) * 1000)
    sys.stdout.write(json.dumps(times_ms) + "\n")
    for connection in connections:
        connection.close()


KEY = asyncssh.read_private_key(FLEET["key"])
KNOWN = asyncssh.read_known_hosts(FLEET["known_hosts"])
asyncio.run(main())
