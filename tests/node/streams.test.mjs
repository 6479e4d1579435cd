// History and recovery with the unmodified Centrifuge SDK: what its application sees while connections are cut.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import { keepEvents, startGateway } from './gateway.mjs';
import { RedisServer, until } from './redis_server.mjs';

const suite = { timeout: 240_000 };
const limit = { timeout: 120_000 };
const readyLimitMs = 10_000;
const secret = 'a secret of these tests, of 32 bytes and more';
const apiKey = 'open-sesame';

const folder = mkdtempSync(join(tmpdir(), 'carillon-streams-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
token_hmac_secret = "${secret}"
[[namespace]]
subscribe = ["anonymous"]
publish = ["anonymous"]
history = ["subscriber"]
history_size = 1000
recovery = "stream"
[[namespace]]
name = "small"
subscribe = ["anonymous"]
history_size = 2
recovery = "stream"
[[namespace]]
name = "price"
subscribe = ["anonymous"]
history_size = 1
recovery = "cache"
`);

let channels = 0;
const freshChannel = (namespace = '') => `${namespace}test-${++channels}`;

/** A client of the SDK whose connection can be cut. */
function client(t, gateway, options = {}) {
  let socket;
  class CutSocket extends WebSocket {
    constructor(...args) {
      super(...args);
      socket = this;
    }
  }
  const made = new Centrifuge(gateway.socketUrl,
    { websocket: CutSocket, minReconnectDelay: 5, maxReconnectDelay: 50, ...options });
  t.after(() => made.disconnect());
  made.connect();
  return { made, cut: () => socket?.terminate() };
}

const publishes = (gateway) => (channel, data, more = {}) => gateway.api('publish', { channel, data, ...more }, apiKey);

const untilReady = (gateway) => until(async () => (await gateway.readiness()).status === 200, 'the gateway is ready');

/** Numbers from 0 below `n`, the same for the same seed. */
function randomNumbers(seed) {
  let state = seed;
  return (n) => {
    state = (state * 48271) % 2147483647;
    return state % n;
  };
}

// The same questions, whether streams are inside of the process or on a Redis; there a second gateway publishes.
for (const [shards, on] of [['1', 'embedded'], ['3', 'embedded'], ['1', 'redis'], ['3', 'redis']]) {
  describe(`streams on ${shards} shard(s), ${on}`, suite, () => {
    let redis, gateway, other, publish;
    before(async () => {
      if (on === 'redis') redis = await RedisServer.start();
      const how = { dev: false, bus: redis?.url, flags: ['--shards', shards, '--config', configuration] };
      gateway = await startGateway(how);
      if (redis) other = await startGateway(how);
      for (const each of [gateway, other]) if (redis) await untilReady(each);
      publish = publishes(other ?? gateway);
    });
    after(async () => {
      await other?.stop();
      await gateway?.stop();
      await redis?.kill();
    });

    test('every publication is seen once and in order, however often the connection is cut', limit, async (t) => {
      const seed = 1 + Math.floor(Math.random() * 1e6);
      t.diagnostic(`seed ${seed}`);
      const below = randomNumbers(seed);
      const names = [freshChannel(), freshChannel()];
      const count = 300;
      const listeners = [];
      const unrecovered = [];
      for (let i = 0; i < 3; ++i) {
        const one = client(t, gateway);
        for (const name of names) {
          const subscription = one.made.newSubscription(name);
          const seen = [];
          const all = new Promise((resolve) => {
            subscription.on('publication', ({ data, offset }) => {
              seen.push([data, offset]);
              if (data === count) resolve();
            });
          });
          subscription.on('subscribed', ({ wasRecovering, recovered }) => {
            if (wasRecovering && !recovered) unrecovered.push(name);
          });
          subscription.subscribe();
          await subscription.ready(readyLimitMs);
          listeners.push({ ...one, seen, all });
        }
      }
      for (let n = 1; n <= count; ++n) {
        for (const name of names) await publish(name, n);
        if (below(10) === 0) listeners[below(listeners.length)].cut();
      }
      for (const each of listeners) {
        await each.all;
        assert.deepEqual(unrecovered, [], `seed ${seed}`);
        assert.deepEqual(each.seen, Array.from({ length: count }, (_, i) => [i + 1, i + 1]), `seed ${seed}`);
      }
    });

    test('who has missed more than is kept is told so', limit, async (t) => {
      const { made } = client(t, gateway);
      const name = freshChannel('small:');
      const subscription = made.newSubscription(name);
      const told = keepEvents(subscription, 'subscribed');
      subscription.subscribe();
      assert.equal((await told.next()).wasRecovering, false);
      made.disconnect();
      for (const n of [1, 2, 3]) await publish(name, n);
      made.connect();
      const back = await told.next();
      assert.deepEqual([back.wasRecovering, back.recovered, back.streamPosition.offset], [true, false, 3]);
    });

    test('a cache gives the newest at once', limit, async (t) => {
      const { made } = client(t, gateway);
      const name = freshChannel('price:');
      for (const n of [1, 2]) await publish(name, n);
      const subscription = made.newSubscription(name, { since: {} });
      const heard = keepEvents(subscription, 'publication');
      subscription.subscribe();
      assert.deepEqual((await heard.next()).data, 2);
      await publish(name, 3);
      assert.deepEqual((await heard.next()).data, 3);
    });

    test('channels of the token are recovered with the connection', limit, async (t) => {
      const name = freshChannel();
      const { made, cut } = client(t, gateway, { token: jwt.sign({ sub: '42', channels: [name] }, secret) });
      const heard = keepEvents(made, 'publication');
      const told = keepEvents(made, 'subscribed');
      assert.deepEqual((await told.next()).streamPosition.offset, 0);
      await publish(name, 1);
      assert.equal((await heard.next()).data, 1);
      const gone = keepEvents(made, 'connecting');
      cut();
      await gone.next();
      await publish(name, 2);
      await publish(name, 3);
      const back = await told.next();
      assert.deepEqual([back.wasRecovering, back.recovered], [true, true]);
      assert.deepEqual([(await heard.next()).data, (await heard.next()).data], [2, 3]);
    });

    test('a channel that the server adds later says where it stands', limit, async (t) => {
      const { made } = client(t, gateway, { token: jwt.sign({ sub: '43' }, secret) });
      await made.ready(readyLimitMs);
      const name = freshChannel();
      await publish(name, 1);
      const told = keepEvents(made, 'subscribed');
      const heard = keepEvents(made, 'publication');
      assert.deepEqual(await gateway.api('subscribe', { user: '43', channel: name }, apiKey), { result: {} });
      const { channel, recoverable, streamPosition } = await told.next();
      assert.deepEqual([channel, recoverable, streamPosition.offset], [name, true, 1]);
      await publish(name, 2);
      assert.equal((await heard.next()).offset, 2);
    });

    test('history in pages, for clients and back ends', limit, async (t) => {
      const { made } = client(t, gateway);
      const name = freshChannel();
      const subscription = made.newSubscription(name);
      subscription.subscribe();
      await subscription.ready(readyLimitMs);
      for (const n of [1, 2, 3]) await publish(name, n, { tags: { n: `${n}` } });
      const newest = await subscription.history({ limit: 2, reverse: true });
      assert.deepEqual(newest.publications.map(({ data, offset, tags }) => [data, offset, tags]),
        [[3, 3, { n: '3' }], [2, 2, { n: '2' }]]);
      const rest = await subscription.history({ limit: 5, reverse: true, since: { offset: 2, epoch: newest.epoch } });
      assert.deepEqual(rest.publications.map(({ offset }) => offset), [1]);
      await assert.rejects(subscription.history({ limit: 5, since: { offset: 2, epoch: 'x' } }), { code: 112 });
      const page = await gateway.api('history', { channel: name, limit: 1, since: { offset: 1, epoch: newest.epoch } }, apiKey);
      assert.deepEqual(page.result, { publications: [{ data: 2, offset: 2, tags: { n: '2' } }], offset: 3, epoch: newest.epoch });
      assert.deepEqual(await gateway.api('history_remove', { channel: name }, apiKey), { result: {} });
      assert.deepEqual((await subscription.history({ limit: -1 })).publications, []);
      assert.deepEqual(await gateway.api('history', { channel: 'no:such' }, apiKey),
        { error: { code: 102, message: 'unknown channel' } });
    });

    test('a key publishes once', limit, async () => {
      const name = freshChannel();
      const first = await publish(name, 1, { idempotency_key: 'k' });
      assert.equal(first.result.offset, 1);
      assert.deepEqual(await publish(name, 1, { idempotency_key: 'k' }), first);
      assert.equal((await publish(name, 2)).result.offset, 2);
    });
  });
}
