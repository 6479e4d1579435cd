// Gateways of two versions on one bus, replaced one after the other with clients connected and back ends publishing.
// The other version is OTHER_BINARY; without it, the same one stands in for it, and what is shown is the replacing alone.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import { apiKey, numbers, publish, untilReady } from './bus_client.mjs';
import { keepEvents, startGateway } from './gateway.mjs';
import { RedisServer, until } from './redis_server.mjs';

const limit = { timeout: 60_000 };
const readyLimitMs = 10_000;
const secret = 'a secret of these tests, of 32 bytes and more';
const other = process.env.OTHER_BINARY;

const folder = mkdtempSync(join(tmpdir(), 'carillon-update-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
token_hmac_secret = "${secret}"
drain_delay_ms = 0
drain_window_ms = 200
bus_backoff_min_ms = 10
bus_backoff_max_ms = 50
[[namespace]]
subscribe = ["client"]
publish = ["client"]
history_size = 1000
recovery = "stream"
presence = true
presence_for = ["subscriber"]
join_leave = true
`);

describe(`two versions on one Redis, the other one ${other ?? 'the same'}`, limit, () => {
  let redis;
  const gateways = []; // those that new clients are led to
  const start = async (program) => {
    const made = await startGateway({ program, dev: false, bus: redis.url, flags: ['--config', configuration] });
    await untilReady(made);
    return made;
  };
  before(async () => {
    redis = await RedisServer.start();
    for (let i = 0; i < 2; ++i) gateways.push(await start(other));
  });
  after(async () => {
    for (const each of gateways) await each.stop();
    await redis?.kill();
  });

  /** A client of the SDK that comes to `where()`, each time that it connects. */
  async function person(t, user, where) {
    class BalancedSocket extends WebSocket {
      constructor(url, ...more) { super(where().socketUrl, ...more); }
    }
    const made = new Centrifuge(where().socketUrl, { websocket: BalancedSocket, minReconnectDelay: 5, maxReconnectDelay: 50,
      token: jwt.sign({ sub: user }, secret) });
    t.after(() => made.disconnect());
    const subscription = made.newSubscription('news', { joinLeave: true, minResubscribeDelay: 5, maxResubscribeDelay: 50 });
    const seen = [];
    subscription.on('publication', ({ data }) => seen.push(data));
    const told = [];
    subscription.on('subscribed', ({ wasRecovering, recovered }) => told.push(wasRecovering && !recovered));
    const came = keepEvents(made, 'connected');
    subscription.subscribe();
    made.connect();
    await made.ready(readyLimitMs);
    await subscription.ready(readyLimitMs);
    await came.next();
    return { user, made, subscription, seen, told, came };
  }

  /** What one version asks of the other, both ways. */
  async function understand([one, two]) {
    for (const [asked, where] of [[one, two], [two, one]]) {
      const its = await person({ after() {} }, 'guest', () => where);
      const [come, left, gone] = ['subscribed', 'unsubscribed', 'disconnected'].map((name) => keepEvents(its.made, name));
      assert.deepEqual(await asked.api('subscribe', { user: 'guest', channel: 'extra' }, apiKey), { result: {} });
      assert.equal((await come.next()).channel, 'extra');
      assert.deepEqual(await asked.api('refresh', { user: 'guest', expire_at: 4_000_000_000 }, apiKey), { result: {} });
      assert.equal((await asked.api('channels', { pattern: 'extra' }, apiKey)).result.channels.extra.num_clients, 1);
      assert.equal((await asked.api('info', {}, apiKey)).result.nodes.length, 2);
      assert.deepEqual(await asked.api('unsubscribe', { user: 'guest', channel: 'extra' }, apiKey), { result: {} });
      assert.equal((await left.next()).channel, 'extra');
      assert.deepEqual(await asked.api('disconnect', { user: 'guest', disconnect: { code: 4501, reason: 'enough' } }, apiKey), { result: {} });
      assert.equal((await gone.next()).code, 4501);
      assert.equal(await where.metric('carillon_node_messages_ignored_total'), 0);
    }
  }

  test('one after the other is replaced, and clients have everything', limit, async (t) => {
    const own = [...gateways];
    const people = [];
    for (const [i, user] of ['ann', 'ben', 'cay', 'dot'].entries())
      people.push(await person(t, user, () => (gateways.includes(own[i % 2]) ? own[i % 2] : gateways[0])));
    let updating = true;
    const published = (async () => {
      let n = 1;
      for (; updating || n <= 100; ++n) await publish({ api: (...args) => gateways[n % gateways.length].api(...args).catch(() => ({})) }, 'news', n);
      return n - 1;
    })();

    for (let i = 0; i < 2; ++i) {
      const leaving = gateways.shift(); // the balancer leads nobody there any more
      await leaving.stop();
      gateways.push(await start());
      await understand(gateways);
    }
    for (const { user } of people) {
      const { result } = await gateways[0].api('presence_stats', { channel: 'news' }, apiKey);
      assert.ok(result.num_clients >= people.length, `${user} is there`);
    }
    updating = false;
    const last = await published;
    for (const each of people) {
      await until(() => each.seen.length >= last, `${last} were heard: ${each.seen.length}`);
      assert.deepEqual(each.seen, numbers(1, last));
      assert.deepEqual(each.told.filter(Boolean), [], 'nobody is told that something is missing');
      assert.ok(each.came.unread >= 1, 'each has been led elsewhere');
    }
  });
});
