"""The two servers, started anew for each conversation, and what each of them answers."""
import asyncio
import json
import pathlib
import re
import socket
import urllib.error
import urllib.request

import websockets

HERE = pathlib.Path(__file__).parent
QUIET_S = 0.2  # nothing more comes then: the servers are on this machine, and idle
ANSWER_S = 5  # as long is an answer to what was said waited for
START_TRIES = 200


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One process; `client` and `api` are the ports of clients and of the server API."""

    def __init__(self, name, command, client, api):
        self.name, self.command, self.client, self.api = name, command, client, api

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        for port in {self.client, self.api}:
            for _ in range(START_TRIES):
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except OSError:
                    await asyncio.sleep(0.02)
            else:
                raise RuntimeError(f"{self.name} does not listen: {' '.join(self.command)}")
        return self

    async def __aexit__(self, *_):
        self.process.kill()
        await self.process.wait()


def carillon(binary, configuration):
    client, api = free_port(), free_port()
    return Server("carillon", [
        binary, "--config", configuration, "--client-listen", f"127.0.0.1:{client}", "--control-listen",
        f"127.0.0.1:{api}", "--bus-listen", "off", "--shards", "2"], client, api)


def centrifugo(binary):
    port = free_port()
    return Server("centrifugo", [
        binary, "--config", str(HERE / "centrifugo.json"), "--http_server.address", "127.0.0.1", "--http_server.port",
        str(port), "--log.level", "none"], port, port)


class Names:
    """IDs of clients, which are others each time, by the order in which they come; the epoch heard last."""

    def __init__(self):
        self.epoch = ""
        self._known = {}

    def _name(self, value):
        return self._known.setdefault(value, f"client {len(self._known) + 1}")

    def plain(self, value, key=""):
        """The same without what is another one each time, its members sorted."""
        if isinstance(value, dict):
            made = {}
            for name, member in value.items():
                if name in ("session", "node", "version") and key in ("connect", "refresh"):
                    continue
                if re.fullmatch(r"[0-9a-f-]{36}", name):
                    name = self._name(name)
                made[name] = self.plain(member, name)
            return dict(sorted(made.items()))
        if isinstance(value, list):
            return [self.plain(member) for member in value]
        if key == "epoch" and value:
            self.epoch = value
            return "epoch"
        if key == "ttl":
            return "seconds"
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{8}-[0-9a-f-]{27}", value):
            return self._name(value)
        return value


class Talk:
    """One conversation with one server; `heard` becomes what it answered, step by step."""

    def __init__(self, server):
        self.server, self.names, self.clients, self.heard = server, Names(), {}, []
        self.answered = asyncio.Event()

    async def run(self, steps):
        try:
            for what, *how in steps:
                self.heard.append([])
                await getattr(self, what)(*how)
                await self.quiet()
        finally:
            for connection, reader in self.clients.values():
                reader.cancel()
                connection.transport.abort()
        return self.heard

    def note(self, who, what):
        self.moved = True
        if not isinstance(what, dict) or "push" not in what:
            self.answered.set()
        self.heard[-1].append(f"{who}: {what if isinstance(what, str) else json.dumps(what, ensure_ascii=False)}")

    async def quiet(self):
        self.moved = True
        while self.moved:
            self.moved = False
            await asyncio.sleep(QUIET_S)
        # Who hears first is of no importance.
        self.heard[-1] = sorted(self.heard[-1], key=lambda line: line.split(":")[0])

    async def client(self, name, options):
        connection = await websockets.connect(
            f"ws://127.0.0.1:{self.server.client}/connection/websocket{options.get('query', '')}", proxy=None)
        self.clients[name] = connection, asyncio.create_task(self.read(name, connection))

    async def read(self, name, connection):
        try:
            async for message in connection:
                for line in message.splitlines():
                    self.note(name, self.names.plain(json.loads(line)))
        except websockets.ConnectionClosed:
            pass
        self.note(name, f"closed with {connection.close_code} {connection.close_reason}")

    def filled(self, command):
        text = command if isinstance(command, str) else json.dumps(command)
        return text.replace("$epoch", self.names.epoch)

    async def say(self, name, *commands):
        self.answered.clear()
        try:
            await self.clients[name][0].send("\n".join(self.filled(command) for command in commands))
            await asyncio.wait_for(self.answered.wait(), ANSWER_S)
        except (websockets.ConnectionClosed, asyncio.TimeoutError):
            pass

    async def api(self, method, params):
        await self.post(f"/api/{method}", json.dumps(params), {"X-API-Key": "open-sesame"})

    async def post(self, path, body, headers):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.api}{path}", self.filled(body).encode(), headers)

        def ask():
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as refused:
                return refused.code, refused.read().decode()
        status, text = await asyncio.to_thread(ask)
        for line in text.splitlines() or [""]:
            try:
                self.note("http", f"{status} {json.dumps(self.names.plain(json.loads(line)), ensure_ascii=False)}")
            except ValueError:
                self.note("http", f"{status}, in words")
