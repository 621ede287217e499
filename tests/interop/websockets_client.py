"""The client of Python's websockets against an echo server: websockets_client.py PORT.

Prints one line per case, "ok NAME" or "not ok NAME: why", and exits 0 when all are ok.
"""
import asyncio
import os
import sys

import websockets

LARGEST = 16 << 20
SIZES = [0, 1, 125, 126, 127, 65535, 65536, 1 << 20, LARGEST]


async def binary(ws, size):
    data = os.urandom(size)
    await ws.send(data)
    assert await ws.recv() == data


async def text(ws, size):
    data = ("aé€😀" * (size // 10 + 1)).encode()[:size].decode("utf-8", "ignore")
    await ws.send(data)
    assert await ws.recv() == data


async def fragments(ws):
    pieces = [os.urandom(n) for n in (0, 1, 125, 70000, 0, 3)]
    await ws.send(pieces)
    assert await ws.recv() == b"".join(pieces)


async def text_fragments(ws):
    await ws.send(["grü", "", "ße"])
    assert await ws.recv() == "grüße"


async def pings(ws):
    for payload in (b"", b"x", os.urandom(125)):
        await (await ws.ping(payload))


async def ping_between_fragments(ws):
    async def pieces():
        yield b"first "
        await (await ws.ping(b"between"))
        yield b"second"

    await ws.send(pieces())
    assert await ws.recv() == b"first second"


async def many(ws):
    for i in range(500):
        await ws.send(f"message {i}")
    for i in range(500):
        assert await ws.recv() == f"message {i}"


async def close_with(url, code):
    ws = await websockets.connect(url, max_size=LARGEST)
    await ws.close(code, "bye")
    assert ws.close_code == code, ws.close_code


async def without_compression(url):
    async with websockets.connect(url, compression="deflate") as ws:
        assert not ws.extensions, ws.extensions
        await ws.send("plain")
        assert await ws.recv() == "plain"


async def main(port):
    url = f"ws://127.0.0.1:{port}/"
    failed = 0

    async def case(name, work):
        nonlocal failed
        try:
            await asyncio.wait_for(work, 60)
            print(f"ok {name}", flush=True)
        except Exception as error:  # a failure is one line and does not end the run
            failed += 1
            print(f"not ok {name}: {error!r}", flush=True)

    async with websockets.connect(url, max_size=LARGEST, compression=None) as ws:
        for size in SIZES:
            await case(f"binary of {size} bytes", binary(ws, size))
            await case(f"text of {size} bytes", text(ws, size))
        await case("fragments", fragments(ws))
        await case("text in fragments", text_fragments(ws))
        await case("pings", pings(ws))
        await case("a ping between fragments", ping_between_fragments(ws))
        await case("five hundred messages before the first answer is read", many(ws))
    for code in (1000, 1001, 1003, 1007, 1008, 1009, 1011, 3000, 4999):
        await case(f"close code {code}", close_with(url, code))
    await case("an offer of compression is ignored", without_compression(url))
    return failed


sys.exit(1 if asyncio.run(main(int(sys.argv[1]))) else 0)
