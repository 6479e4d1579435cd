// A new process takes the place of a running one (docs/operations.md): its listeners and its clients' connections.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import WebSocket from 'ws';
import { launchCarillon, runCarillon, startGateway } from './gateway.mjs';
import { RedisServer, until } from './redis_server.mjs';

const suite = { timeout: 240_000 };
const limit = { timeout: 90_000 };
const readyLimitMs = 10_000;
const apiKey = 'open-sesame';

const folder = mkdtempSync(join(tmpdir(), 'carillon-upgrade-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
drain_window_ms = 0
bus_backoff_min_ms = 10
bus_backoff_max_ms = 50
[[namespace]]
subscribe = ["anonymous"]
publish = ["subscriber"]
presence = true
join_leave = true
history_size = 10000
recovery = "stream"
[[namespace]]
name = "plain"
subscribe = ["anonymous"]
publish = ["subscriber"]
`);

let sockets = 0;
const freshSocket = () => join(folder, `upgrade-${++sockets}`);
let channels = 0;
const freshChannel = () => `upgrade-${process.pid}-${++channels}`;
// A connection of the pool may be one of the process that has ended.
const untilReady = (gateway) => until(async () => {
  try {
    return (await gateway.readiness()).status === 200;
  } catch {
    return false;
  }
}, 'the gateway is ready');
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A client that keeps whatever happens to it. */
class Client {
  seen = new Map();
  events = [];
  sockets = 0;

  constructor(url, { protobuf = false } = {}) {
    const counted = this;
    class CountedSocket extends WebSocket {
      constructor(...how) {
        super(...how);
        ++counted.sockets;
      }
    }
    this.sdk = new (protobuf ? ProtobufCentrifuge : Centrifuge)(url,
      { websocket: CountedSocket, minReconnectDelay: 5, maxReconnectDelay: 50 });
    for (const name of ['connecting', 'disconnected', 'error']) {
      this.sdk.on(name, (context) => this.events.push(`${name} ${context.code ?? context.error?.message}`));
    }
    this.sdk.on('connected', ({ client }) => { this.id = client; });
    this.sdk.connect();
  }

  async subscribe(name, { decode = (data) => data, ...how } = {}) {
    const subscription = this.sdk.newSubscription(name, how);
    const seen = [];
    this.seen.set(name, seen);
    subscription.on('publication', ({ data, offset }) => seen.push([decode(data), offset]));
    for (const event of ['subscribing', 'unsubscribed', 'error']) {
      subscription.on(event, (context) => this.events.push(`${name} ${event} ${context.code ?? context.error?.message}`));
    }
    for (const event of ['join', 'leave']) subscription.on(event, ({ info }) => this.events.push(`${name} ${event} ${info.client}`));
    subscription.subscribe();
    await subscription.ready(readyLimitMs);
    return subscription;
  }
}

const fromBytes = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

/** Publishes numbers, one after the other, until it is told to stop: how many there were. */
function publisher(gateway, name) {
  let last = 0;
  let going = true;
  const work = (async () => {
    while (going) {
      const answer = await gateway.api('publish', { channel: name, data: last + 1 }, apiKey);
      assert.ok(answer.result, JSON.stringify(answer));
      ++last;
    }
  })();
  return {
    get last() {
      return last;
    },
    async stop() {
      going = false;
      await work;
      return last;
    },
  };
}

describe('a new process takes over, with a Redis', suite, () => {
  let redis, other;
  before(async () => {
    redis = await RedisServer.start();
    other = await startGateway({ dev: false, bus: redis.url, flags: ['--config', configuration] });
    await untilReady(other);
  });
  after(async () => {
    await other?.stop();
    await redis?.kill();
  });

  const start = async (t, { socket, shards, ...how }) => {
    const started = await startGateway({ dev: false, bus: redis.url, ...how,
      flags: ['--config', configuration, '--upgrade-socket', socket, '--shards', String(shards), ...(how.flags ?? [])] });
    t.after(() => started.kill());
    await untilReady(started);
    return started;
  };

  for (const [from, to] of [[1, 1], [2, 1], [1, 3], [2, 2]]) {
    test(`clients stay connected, and hear everything once: ${from} shards to ${to}`, limit, async (t) => {
      const socket = freshSocket();
      const old = await start(t, { socket, shards: from });
      const shared = freshChannel();
      const clients = await Promise.all(numbers(1, 40).map(async (n) => {
        const protobuf = n % 2 === 0;
        const client = new Client(old.socketUrl, { protobuf });
        t.after(() => client.sdk.disconnect());
        const decode = protobuf ? fromBytes : undefined;
        await client.sdk.ready(readyLimitMs);
        await client.subscribe(shared, { decode, joinLeave: n === 1 });
        client.own = freshChannel();
        await client.subscribe(client.own, { decode });
        await client.subscribe('plain:all', { decode });
        return client;
      }));
      const publishers = [publisher(other, shared), ...clients.slice(0, 6).map(({ own }) => publisher(other, own))];
      await until(() => clients.every(({ seen }) => seen.get(shared).length > 20), 'publications have come');
      for (const { events } of clients) events.length = 0;

      const young = await start(t, { socket, shards: to, ports: old.ports, command: ['upgrade'] });
      assert.deepEqual(await old.ended, [0, null]);
      const heard = publishers[0].last;
      await until(() => clients.every(({ seen }) => seen.get(shared).length > heard + 20), 'more publications have come');
      const counts = await Promise.all(publishers.map((each) => each.stop()));
      const last = counts[0];
      await until(() => clients.every(({ seen }) => seen.get(shared).at(-1)[0] === last), 'the last one has come');
      await until(() => clients.slice(0, 6).every(({ seen, own }, i) => seen.get(own).at(-1)[0] === counts[i + 1]), 'and of the others');
      for (const client of clients) {
        const all = client.seen.get(shared);
        assert.deepEqual(all.map(([number]) => number), numbers(1, last));
        assert.deepEqual(all.map(([, offset]) => offset), numbers(1, last));
        assert.deepEqual(client.events, []);
        assert.equal(client.sockets, 1);
      }
      for (const [i, client] of clients.slice(0, 6).entries())
        assert.deepEqual(client.seen.get(client.own).map(([number]) => number), numbers(1, counts[i + 1]));
      assert.equal(await young.metric('carillon_connections_open'), clients.length);

      // They are whole: who they are, what they have, what they can do.
      const there = await young.api('presence', { channel: shared }, apiKey);
      assert.deepEqual(Object.keys(there.result.presence).sort(), clients.map(({ id }) => id).sort());
      await clients[0].sdk.getSubscription('plain:all').publish('from a client');
      await until(() => clients.every(({ seen }) => seen.get('plain:all').length === 1), 'all hear a client');
      const further = await clients[0].subscribe(freshChannel());
      assert.equal(further.state, 'subscribed');
      const late = new Client(young.socketUrl);
      t.after(() => late.sdk.disconnect());
      await late.sdk.ready(readyLimitMs);
      clients[1].sdk.getSubscription(shared).unsubscribe();
      await until(async () => Object.keys((await young.api('presence', { channel: shared }, apiKey)).result.presence).length === 39, 'one has left');

      // And once more.
      const youngest = await start(t, { socket, shards: from, ports: old.ports, command: ['upgrade'] });
      assert.deepEqual(await young.ended, [0, null]);
      assert.equal(await youngest.metric('carillon_connections_open'), clients.length + 1);
      assert.ok((await youngest.api('publish', { channel: shared, data: last + 1 }, apiKey)).result);
      await until(() => clients[0].seen.get(shared).at(-1)[0] === last + 1, 'it hears the third process');
      for (const client of clients) assert.equal(client.sockets, 1);
    });
  }

  // Each is killed a little later than the one before, so that at last one has taken over: that one takes its clients with it, as any
  // process that is killed does.
  test('whenever the new process is killed, nobody has lost anything', limit, async (t) => {
    const socket = freshSocket();
    const old = await start(t, { socket, shards: 2 });
    const shared = freshChannel();
    const clients = await Promise.all(numbers(1, 60).map(async () => {
      const client = new Client(old.socketUrl);
      t.after(() => client.sdk.disconnect());
      await client.sdk.ready(readyLimitMs);
      await client.subscribe(shared);
      return client;
    }));
    const publishes = publisher(other, shared);
    const isOver = () => old.hasEnded;
    let killed = 0;
    while (!isOver()) {
      const young = launchCarillon('upgrade', '--config', configuration, '--bus', redis.url, '--upgrade-socket', socket,
        ...['client', 'control'].flatMap((door) => [`--${door}-listen`, `127.0.0.1:${old.ports[door]}`]));
      const ended = once(young, 'exit');
      await new Promise((resolve) => setTimeout(resolve, killed++ * 2));
      young.kill('SIGKILL'); // if it has not ended by itself, since there is nobody to take over from any more
      await ended;
      if (clients.some(({ sockets: count }) => count > 1)) break; // the old one has let go
      const before = publishes.last;
      await until(() => isOver() || clients.every(({ seen, sockets: count }) => count > 1 || seen.get(shared).at(-1)?.[0] > before),
        'all are told by the old one, or by nobody');
    }
    t.diagnostic(`${killed} were killed, the last of them when it had everybody`);
    assert.deepEqual(await old.ended, [0, null]);
    const last = await publishes.stop();
    await start(t, { socket, shards: 1, ports: old.ports });
    await until(() => clients.every(({ seen }) => seen.get(shared).at(-1)?.[0] === last), 'everybody has come back and has the last one');
    for (const { seen } of clients) assert.deepEqual(seen.get(shared).map(([number]) => number), numbers(1, last));
  });

  test('only the same user may come to the socket', limit, async (t) => {
    const socket = freshSocket();
    const old = await start(t, { socket, shards: 1 });
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    await old.stop();
    assert.ok(!existsSync(socket));
  });

  test('nobody to take over from is said', limit, async () => {
    const { code, stdout, stderr } = await runCarillon('upgrade', '--upgrade-socket', freshSocket(), '--bus', redis.url, '--dev');
    assert.equal(code, 1);
    assert.match(stdout + stderr, /nobody to take over from/);
    assert.equal((await runCarillon('upgrade', '--dev')).code, 2);
  });
});
