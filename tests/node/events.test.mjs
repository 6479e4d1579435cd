// What happens, told to the application: batches, gaps, and a table of who is online that is right whatever is killed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import { startGateway } from './gateway.mjs';

const suite = { timeout: 200_000 };
const limit = { timeout: 60_000 };
const secret = 'a secret of this test, 32 bytes and more';
const key = 'open-sesame';
const folder = mkdtempSync(join(tmpdir(), 'carillon-events-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** A client without an SDK, so that it does not come back by itself. */
async function connected(gateway, user, channels = []) {
  const socket = new WebSocket(gateway.socketUrl);
  await once(socket, 'open');
  socket.send(JSON.stringify({ id: 1, connect: { token: jwt.sign({ sub: user, channels }, secret) } }));
  const [text] = await once(socket, 'message');
  socket.id = JSON.parse(text).connect.client;
  return socket;
}

async function gone(socket) {
  socket.terminate();
  if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
}

/** Waits until `look` has something that `is` good. */
async function until(look, is) {
  for (;;) {
    const seen = await look();
    if (is(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function freePort() {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function configured(name, url, more = '') {
  const config = join(folder, `${name}.toml`);
  writeFileSync(config, `
token_hmac_secret = "${secret}"
api_key = "${key}"
${more}
[[namespace]]
name = "chat"
occupancy_events = true
[[namespace]]
name = "quiet"
[[proxy]]
event = ["connected", "disconnected", "occupied", "vacated"]
url = "${url}"
static_headers = { X-Key = "of the application" }
failures_max = 1000
`);
  return ['--shards', '2', '--config', config];
}

describe('the application is told', suite, () => {
  let batches, status, server, url, gateway, headers;

  before(async () => {
    server = createServer(async (request, response) => {
      let text = '';
      for await (const part of request) text += part;
      headers = request.headers;
      const says = status;
      if (says === 200) batches.push(JSON.parse(text));
      response.writeHead(says).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${server.address().port}/events`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    batches = [];
    status = 200;
  });
  afterEach(async () => {
    await gateway?.stop();
    gateway = undefined;
  });

  const start = async (name, more) => {
    gateway = await startGateway({ dev: false, flags: configured(name, url, more) });
  };
  const events = () => batches.flatMap((each) => each.events);
  const brief = () => events().map((each) => [each.event, each.user ?? each.channel].filter((word) => word !== undefined).join(' '));
  const told = (count) => until(brief, (all) => all.length >= count);
  /** Every number once and in order. */
  const expectNoGap = () => {
    let next = batches[0].number;
    for (const batch of batches) {
      assert.equal(batch.number, next);
      next += batch.events.length;
    }
  };

  test('who comes and goes, and which channels are listened to', limit, async () => {
    await start('all');
    const one = await connected(gateway, '42', ['chat:a', 'quiet:b']);
    const two = await connected(gateway, '43', ['chat:a']);
    await gone(one);
    await until(brief, (all) => all.includes('disconnected 42'));
    await gone(two);
    assert.deepEqual((await told(7)).sort(), ['connected 42', 'connected 43', 'disconnected 42', 'disconnected 43',
      'occupied chat:a', 'started', 'vacated chat:a']);
    assert.equal(brief()[0], 'started');
    expectNoGap();
    const [came, went] = ['connected', 'disconnected'].map((what) => events().find((each) => each.event === what));
    assert.equal(came.client, one.id);
    assert.equal(went.client, one.id);
    assert.deepEqual([went.code, went.reason], [1006, '']);
    assert.ok(Math.abs(came.time - Date.now()) < 600_000);
    assert.equal(new Set(batches.map((each) => `${each.node} ${each.boot}`)).size, 1);
    assert.equal(headers['x-key'], 'of the application');
  });

  test('of everybody at the end', limit, async () => {
    await start('end', 'events_wait_ms = 60000');
    await connected(gateway, '42');
    await gateway.stop();
    gateway = undefined;
    assert.deepEqual(brief(), ['started', 'connected 42', 'draining', 'disconnected 42']);
    assert.equal(events()[3].code, 3001);
    expectNoGap();
  });

  test('in batches of so many', limit, async () => {
    await start('batches', 'events_batch_max = 3\nevents_wait_ms = 60000');
    for (const user of ['1', '2', '3', '4', '5']) await connected(gateway, user);
    await told(6);
    assert.deepEqual(batches.map((each) => each.events.length), [3, 3]);
    expectNoGap();
  });

  test('again, when it has not taken a batch', limit, async () => {
    status = 500;
    await start('again', 'events_wait_ms = 1');
    await connected(gateway, '42');
    await until(() => gateway.log, (log) => log.includes('proxy_1 does not take events: the status is 500'));
    status = 200;
    assert.deepEqual(await told(2), ['started', 'connected 42']);
    expectNoGap();
    assert.equal(batches[0].number, 1);
    await until(() => gateway.log, (log) => log.includes('proxy_1 takes events again'));
    assert.equal(await gateway.metric('carillon_events_dropped_total'), 0);
  });

  test('that it has missed something, also when nothing else happens', limit, async () => {
    status = 503;
    await start('missed', 'events_wait_ms = 1\nevents_retry_ms = 0');
    await connected(gateway, '42');
    await until(() => gateway.metric('carillon_events_dropped_total'), (dropped) => dropped === 2);
    status = 200;
    await until(() => batches.length, (count) => count > 0);
    assert.deepEqual(batches.map(({ number, events: all }) => [number, all.length]), [[3, 0]]);
    await connected(gateway, '43');
    await told(1);
    assert.deepEqual([batches[1].number, brief()], [3, ['connected 43']]);
  });

  test('of the newest, when too many wait', limit, async () => {
    status = 500;
    await start('many', 'events_wait_ms = 1\nevents_waiting_max = 2\nevents_batch_max = 1');
    await until(() => gateway.log, (log) => log.includes('does not take events'));   // `started` is on its way
    for (const user of ['1', '2', '3', '4']) await connected(gateway, user);
    assert.equal(await gateway.metric('carillon_events_dropped_total'), 2);
    assert.equal(await gateway.metric('carillon_events_waiting'), 2);
    status = 200;
    assert.deepEqual(await told(3), ['started', 'connected 3', 'connected 4']);
    assert.deepEqual(batches.map((each) => each.number), [1, 4, 5]);
    assert.equal(await gateway.metric('carillon_events_told_total'), 3);
  });

  test('and the list of connections says up to which event it is true', limit, async () => {
    await start('list', 'events_wait_ms = 1');
    const one = await connected(gateway, '42', ['chat:a']);
    await told(3);
    const { result } = await gateway.api('connections', {}, key);
    assert.deepEqual(result.connections, [{ client: one.id, user: '42', transport: 'websocket', address: '127.0.0.1', channels: ['chat:a'] }]);
    assert.deepEqual([result.node, result.boot, result.number], [batches[0].node, batches[0].boot, 3]);
  });
});

describe('who-is-online.py', suite, () => {
  const program = fileURLToPath(new URL('../../proto/who-is-online.py', import.meta.url));
  let gateway, port, receiver, ports;

  async function startReceiver() {
    receiver = spawn('python3', [program, join(folder, 'online.db'), String(port), `http://127.0.0.1:${ports.control}/api`, key],
      { stdio: ['ignore', 'inherit', 'inherit'] });
    await until(() => online().catch(() => undefined), (table) => table !== undefined);
  }
  async function kill(child) {
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  }
  const online = async () => (await fetch(`http://127.0.0.1:${port}/`)).json();
  const sees = (table) => until(online, (seen) => JSON.stringify(seen) === JSON.stringify(table));
  const startOnline = async (flags) => {
    gateway = await startGateway({ dev: false, ports, flags });
    ports = { client: gateway.ports.client, control: gateway.ports.control };
  };

  after(async () => {
    receiver?.kill('SIGKILL');
    await gateway?.stop();
  });

  test('is right after a kill of either side', suite, async () => {
    port = await freePort();
    ports = {};
    // Batches are given up at once, so that each of these leaves a gap.
    const flags = configured('online', `http://127.0.0.1:${port}/`, 'events_wait_ms = 1\nevents_retry_ms = 0\napi_connections_max = 2');
    await startOnline(flags);
    const early = await connected(gateway, '1');   // before anybody listens
    await startReceiver();
    await sees({ 1: 1 });
    const two = await connected(gateway, '2');
    await connected(gateway, '2');
    await sees({ 1: 1, 2: 2 });

    await kill(receiver);   // and misses one who comes and two who go
    const three = await connected(gateway, '3');
    await gone(early);
    await gone(two);
    await startReceiver();
    await sees({ 2: 1, 3: 1 });
    await connected(gateway, '4');
    await sees({ 2: 1, 3: 1, 4: 1 });

    await gateway.kill();   // and nobody is told that all have gone
    await sees({});
    await startOnline(flags);
    await connected(gateway, '5');
    await sees({ 5: 1 });

    await kill(receiver);   // both, and somebody comes before the receiver is back
    await gateway.kill();
    await startOnline(flags);
    for (const user of ['6', '7', '8']) await connected(gateway, user);
    await startReceiver();
    await sees({ 6: 1, 7: 1, 8: 1 });
    await gone(three);
  });
});
