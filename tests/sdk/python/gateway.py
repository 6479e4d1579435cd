"""What the Python tests share: a gateway of their own, tokens, a queue of events, and a line that can be cut."""
import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

import jwt
from centrifuge import Client, ClientEventHandler, SubscriptionEventHandler

BINARY = os.environ.get("GATEWAY_BINARY") or str(
    pathlib.Path(__file__).parents[3] / "build/release/app/carillon")
SECRET = "a secret of these tests, of 32 bytes and more"
API_KEY = "open-sesame"
LIMIT_S = 20
CONFIG = pathlib.Path(__file__).parents[1] / "carillon.toml"
SETTINGS_OF_CLIENTS = {"min_reconnect_delay": 0.02, "max_reconnect_delay": 0.2, "timeout": LIMIT_S, "proxy": None}


class Gateway:
    """A gateway of its own, until `stop`."""

    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="carillon-sdk-")
        self._ports = {}
        self._log = []
        self._child = subprocess.Popen(
            [BINARY, "--config", str(CONFIG), "--bus-listen", "off", "--shards", "2",
             "--client-listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0", "--drain-window-ms", "0",
             "--token-hmac-secret-file", self._file("secret", SECRET),
             "--api-key-file", self._file("api-key", API_KEY)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self._child.stdout:
            self._log.append(line)
            if door := re.search(r"listening on \S+:(\d+) \((\w+)\)", line):
                self._ports[door[2]] = int(door[1])
            if "is ready" in line:
                return
        raise RuntimeError("the gateway ended:\n" + "".join(self._log))

    def _file(self, name, content):
        path = pathlib.Path(self._folder) / name
        path.write_text(content)
        return str(path)

    @property
    def client_port(self):
        return self._ports["client"]

    @property
    def api_url(self):
        return f"http://127.0.0.1:{self._ports['control']}/api"

    def post(self, path, body, headers=None):
        """One request to the server API; its answer as text."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._ports['control']}{path}", body.encode(),
                                         headers or {"X-API-Key": API_KEY})
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return answer.read().decode()

    def api(self, method, **params):
        return json.loads(self.post(f"/api/{method}", json.dumps(params)))

    def stop(self):
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.communicate(timeout=LIMIT_S)
        finally:
            self._child.kill()
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._child.returncode != 0:
            raise RuntimeError(f"the gateway ended with {self._child.returncode}")


def now():
    return int(time.time())


def token(user="42", secret=SECRET, **claims):
    """A token as a back end makes it."""
    return jwt.encode({"sub": user, **claims}, secret, algorithm="HS256")


class Events:
    """All that a client or a subscription tells, in order, as (name, context)."""

    def __init__(self):
        self._queue = asyncio.Queue()
        self.before = {}  # name -> coroutine function that runs before the event is kept

    async def _take(self, name, context):
        if name in self.before:
            await self.before[name](context)
        self._queue.put_nowait((name, context))

    async def next(self, *names):
        """The next one of these; others are skipped."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                name, context = await self._queue.get()
                if name in names:
                    return context


def _keeping(base, names):
    def handler(name):
        async def take(self, context):
            await self._take(name, context)
        return take

    members = {f"on_{name}": handler(name) for name in names}
    return type("Kept" + base.__name__, (Events, base), members)


ClientEvents = _keeping(ClientEventHandler, [
    "connecting", "connected", "disconnected", "error", "subscribed", "subscribing", "unsubscribed", "publication",
    "join", "leave"])
SubscriptionEvents = _keeping(SubscriptionEventHandler, [
    "subscribing", "subscribed", "unsubscribed", "publication", "join", "leave", "error"])


def client(port, protobuf, **settings):
    events = ClientEvents()
    made = Client(f"ws://127.0.0.1:{port}/connection/websocket", events=events, use_protobuf=protobuf,
                  **{**SETTINGS_OF_CLIENTS, **settings})
    return made, events


class Line:
    """A way to the gateway that can be cut and mended, as networks do."""

    def __init__(self, port):
        self._to = port
        self._carried = set()
        self._cut = False

    async def open(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    def _accept(self, reader, writer):
        if self._cut:
            writer.close()
            return
        task = asyncio.create_task(self._carry(reader, writer))
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def _carry(self, reader, writer):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            await asyncio.gather(self._copy(reader, there_writer), self._copy(there_reader, writer))
        except OSError:
            pass
        finally:
            for end in (writer, there_writer):
                end.transport.abort()

    @staticmethod
    async def _copy(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    def cut(self):
        self._cut = True
        for task in self._carried:
            task.cancel()

    def mend(self):
        self._cut = False

    async def close(self):
        self.cut()
        self._server.close()
        await asyncio.gather(*self._carried, return_exceptions=True)
