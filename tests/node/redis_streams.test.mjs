// Streams on a Redis that several gateways share: what becomes of them when gateways, connections and the server end.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { keepEvents, startGateway } from './gateway.mjs';
import { RedisServer, until } from './redis_server.mjs';

const suite = { timeout: 240_000 };
const limit = { timeout: 60_000 };
const readyLimitMs = 10_000;
const apiKey = 'open-sesame';

const folder = mkdtempSync(join(tmpdir(), 'carillon-redis-streams-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
bus_backoff_min_ms = 10
bus_backoff_max_ms = 50
[[namespace]]
subscribe = ["anonymous"]
history_size = 1000
recovery = "stream"
`);

let channels = 0;
const freshChannel = () => `test-${process.pid}-${++channels}`;
const untilReady = (gateway) => until(async () => (await gateway.readiness()).status === 200, 'the gateway is ready');
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Publishes, again and again while the bus is away; `key` makes that once. */
const publish = (gateway, channel, data) => until(async () => {
  const answer = await gateway.api('publish', { channel, data, idempotency_key: `${data}` }, apiKey);
  return answer.result;
}, `${data} is published`);

/** A subscriber, and what it hears; `where` says to which gateway it connects each time. */
async function subscriber(t, where, name) {
  class BalancedSocket extends WebSocket {
    constructor(url, ...more) {
      super(typeof where === 'string' ? url : where(), ...more);
    }
  }
  const made = new Centrifuge(typeof where === 'string' ? where : where(),
    { websocket: BalancedSocket, minReconnectDelay: 5, maxReconnectDelay: 50 });
  t.after(() => made.disconnect());
  made.connect();
  const subscription = made.newSubscription(name, { minResubscribeDelay: 5, maxResubscribeDelay: 50 });
  const seen = [];
  subscription.on('publication', ({ data }) => seen.push(data));
  const told = keepEvents(subscription, 'subscribed');
  subscription.subscribe();
  await subscription.ready(readyLimitMs);
  await told.next();
  return { made, subscription, seen, told, heard: (count) => until(() => seen.length >= count, `${count} were heard: ${seen}`) };
}

describe('streams on a Redis that two gateways share', suite, () => {
  let redis, gateways;
  before(async () => {
    redis = await RedisServer.start({ flags: ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder] });
    const how = { dev: false, bus: redis.url, flags: ['--shards', '2', '--config', configuration] };
    gateways = await Promise.all([startGateway(how), startGateway(how)]);
    await Promise.all(gateways.map(untilReady));
  });
  after(async () => {
    for (const each of gateways ?? []) await each.stop();
    await redis?.kill();
  });

  test('a client whose gateway is killed goes to the other, and has everything', limit, async (t) => {
    const first = await startGateway({ dev: false, bus: redis.url, flags: ['--config', configuration] });
    t.after(() => first.kill());
    await untilReady(first);
    const name = freshChannel();
    let there = first;
    const one = await subscriber(t, () => there.socketUrl, name);
    for (const n of numbers(1, 20)) await publish(gateways[1], name, n);
    there = gateways[0];
    await first.kill();
    for (const n of numbers(21, 60)) await publish(gateways[1], name, n);
    await one.heard(60);
    assert.deepEqual(one.seen, numbers(1, 60));
    const back = await one.told.next();
    assert.deepEqual([back.wasRecovering, back.recovered], [true, true]);
  });

  test('nothing is lost, doubled or out of order when the connections to the bus are cut', limit, async (t) => {
    const name = freshChannel();
    const all = [await subscriber(t, gateways[0].socketUrl, name), await subscriber(t, gateways[1].socketUrl, name)];
    for (const n of numbers(1, 100)) {
      await publish(gateways[n % 2], name, n);
      if (n % 20 === 0) await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    }
    for (const each of all) {
      await each.heard(100);
      assert.deepEqual(each.seen, numbers(1, 100));
      assert.equal(each.told.unread, 0, 'clients need not know of it');
    }
  });

  test('a server that is killed and comes back with its data has lost nothing', limit, async (t) => {
    const name = freshChannel();
    const all = [await subscriber(t, gateways[0].socketUrl, name), await subscriber(t, gateways[1].socketUrl, name)];
    for (const n of numbers(1, 10)) await publish(gateways[n % 2], name, n);
    await redis.kill();
    const back = redis.restart();
    for (const n of numbers(11, 20)) await publish(gateways[n % 2], name, n);
    await back;
    for (const each of all) {
      await each.heard(20);
      assert.deepEqual(each.seen, numbers(1, 20));
    }
  });

  test('who has missed something that is gone is told', limit, async (t) => {
    const name = freshChannel();
    const one = await subscriber(t, gateways[0].socketUrl, name);
    await publish(gateways[1], name, 1);
    await one.heard(1);
    await redis.cli('FLUSHALL');
    await publish(gateways[1], name, 2);
    const back = await one.told.next();
    assert.deepEqual([back.wasRecovering, back.recovered], [true, false]);
    await publish(gateways[1], name, 3);
    await until(() => one.seen.at(-1) === 3, 'it goes on');
  });

  test('a publication of which the gateways have not heard comes before the next', limit, async (t) => {
    const name = freshChannel();
    const one = await subscriber(t, gateways[0].socketUrl, name);
    await publish(gateways[1], name, 1);
    await redis.cli('EVAL', `redis.call('HINCRBY', KEYS[1], 'top', 1)
      redis.call('XADD', KEYS[2], '2-0', 'b', 'j0 0 2')`, '2', `carillon.place.{${name}}`, `carillon.stream.{${name}}`);
    await publish(gateways[1], name, 3);
    await one.heard(3);
    assert.deepEqual(one.seen, [1, 2, 3]);
    assert.equal(one.told.unread, 0);
  });

  test('a server that has forgotten the scripts is given them again', limit, async (t) => {
    const name = freshChannel();
    const one = await subscriber(t, gateways[0].socketUrl, name);
    await redis.cli('SCRIPT', 'FLUSH');
    await publish(gateways[1], name, 1);
    await redis.cli('SCRIPT', 'FLUSH');
    assert.equal((await gateways[0].api('history', { channel: name, limit: 10 }, apiKey)).result.publications.length, 1);
    await one.heard(1);
  });

  test('a bare PUBLISH reaches everybody who is there, without an offset', limit, async (t) => {
    const name = freshChannel();
    const one = await subscriber(t, gateways[0].socketUrl, name);
    assert.equal(await redis.cli('PUBLISH', name, '"bare"'), '1');
    await publish(gateways[1], name, 1);
    await one.heard(2);
    assert.deepEqual(one.seen, ['bare', 1]);
  });

  // With no more than a Redis client: the function that gateways give the server.
  const call = async (name, ...words) => (await redis.cli('FCALL', 'carillon_publish', '1', name, ...words)).trim().split('\n');

  test('carillon_publish numbers, keeps and sends out', limit, async (t) => {
    const name = freshChannel();
    const one = await subscriber(t, gateways[0].socketUrl, name);
    await publish(gateways[1], name, 1);
    const [offset, epoch, heard, again] = await call(name, '{"n":2}');
    assert.deepEqual([offset, heard, again], ['2', '1', '0']);
    await publish(gateways[1], name, 3);
    await one.heard(3);
    assert.deepEqual(one.seen, [1, { n: 2 }, 3]);
    one.made.disconnect();
    await call(name, '"while away"');
    one.made.connect();
    await one.heard(4);
    assert.equal(one.seen.at(-1), 'while away');
    assert.equal(one.told.unread, 1); // subscribed again, and recovered
    assert.equal((await one.told.next()).recovered, true);
    const history = (await gateways[1].api('history', { channel: name, limit: 10 }, apiKey)).result;
    assert.equal(history.epoch, epoch);
    assert.deepEqual(history.publications.map(({ offset: at, data }) => [at, data]), [[1, 1], [2, { n: 2 }], [3, 3], [4, 'while away']]);
  });

  test('carillon_publish knows what a publication may have beside its data', limit, async (t) => {
    const name = freshChannel();
    const one = await subscriber(t, gateways[0].socketUrl, name);
    const first = await call(name, '1', 'IDEMPOTENCY_KEY', 'a', 'TAG', 'colour', 'red "ish"', 'tag', 'size', '4');
    assert.deepEqual(await call(name, '1', 'idempotency_key', 'a'), [first[0], first[1], '0', '1']);
    assert.deepEqual((await call(name, '2', 'VERSION', '10', 'VERSION_EPOCH', 'e'))[0], '2');
    assert.deepEqual((await call(name, '3', 'VERSION', '9', 'VERSION_EPOCH', 'e')).slice(2), ['0', '1']);
    assert.deepEqual((await call(name, '4', 'SKIP_HISTORY'))[0], '0');
    await one.heard(3);
    assert.deepEqual(one.seen, [1, 2, 4]);
    const { publications } = (await gateways[1].api('history', { channel: name, limit: 10 }, apiKey)).result;
    assert.deepEqual(publications, [
      { data: 1, offset: 1, tags: { colour: 'red "ish"', size: '4' } }, { data: 2, offset: 2 }]);
  });

  test('the first publication of a channel may be that of carillon_publish', limit, async () => {
    const name = freshChannel();
    const [offset, epoch] = await call(name, 'not JSON, but text: \u20ac');
    assert.equal(offset, '1');
    const history = (await gateways[0].api('history', { channel: name, limit: 10 }, apiKey)).result;
    assert.deepEqual(history, { offset: 1, epoch, publications: [{ data: 'not JSON, but text: \u20ac', offset: 1 }] });
  });

  test('carillon_publish refuses what a gateway would', limit, async () => {
    const name = freshChannel();
    const rows = [
      [['nobody:here', '1'], 'no such namespace'],
      [['', '1'], 'no channel has this name'],
      [['x'.repeat(256), '1'], 'no channel has this name'],
      [[name], 'one key, which is the channel, and data'],
      [[name, 'x'.repeat(65_537)], 'data is longer than 65536 bytes'],
      [[name, '1', 'VERSION', 'x'], 'word 2 is no option, or its value is wrong'],
      [[name, '1', 'SKIP_HISTORY', 'TAG', 'a'], 'word 3 is no option, or its value is wrong'],
      [[name, '1', 'IDEMPOTENCY_KEY', ''], 'word 2 is no option, or its value is wrong'],
    ];
    for (const [words, why] of rows) assert.deepEqual(await call(...words), [`ERR carillon_publish: ${why}`], why);
    assert.deepEqual((await gateways[0].api('history', { channel: name, limit: 10 }, apiKey)).result.publications, []);
  });

  test('what somebody has put into a stream, and no client could read, is told as lost', limit, async (t) => {
    const name = freshChannel();
    const one = await subscriber(t, gateways[0].socketUrl, name);
    await publish(gateways[1], name, 1);
    await redis.cli('EVAL', `redis.call('HINCRBY', KEYS[1], 'top', 1)
      redis.call('XADD', KEYS[2], '2-0', 'b', 'j0 0 {"torn":')`, '2', `carillon.place.{${name}}`, `carillon.stream.{${name}}`);
    await publish(gateways[1], name, 3);
    const back = await one.told.next();
    assert.deepEqual([back.wasRecovering, back.recovered], [true, false]);
    await publish(gateways[1], name, 4);
    await until(() => one.seen.at(-1) === 4, 'it goes on');
  });

  test('many who ask the same are one question', limit, async (t) => {
    const name = freshChannel();
    for (const n of numbers(1, 5)) await publish(gateways[1], name, n);
    const { epoch } = (await gateways[1].api('history', { channel: name }, apiKey)).result;
    const before = await gateways[0].metric('carillon_upstream_stream_reads_total');
    const clients = await Promise.all(Array.from({ length: 50 }, async () => {
      const made = new Centrifuge(gateways[0].socketUrl, { websocket: WebSocket });
      t.after(() => made.disconnect());
      made.connect();
      await made.ready(readyLimitMs);
      return made;
    }));
    const seen = await Promise.all(clients.map((made) => new Promise((resolve) => {
      const heard = [];
      const subscription = made.newSubscription(name, { since: { offset: 2, epoch } });
      subscription.on('publication', ({ data }) => { heard.push(data); if (heard.length === 3) resolve(heard); });
      subscription.subscribe();
    })));
    for (const each of seen) assert.deepEqual(each, [3, 4, 5]);
    const reads = await gateways[0].metric('carillon_upstream_stream_reads_total') - before;
    t.diagnostic(`${reads} readings for 50 clients`);
    assert.ok(reads <= 50);
  });
});

test('a server that comes back empty: whoever was there is told', limit, async (t) => {
  const redis = await RedisServer.start();
  t.after(() => redis.kill());
  const gateway = await startGateway({ dev: false, bus: redis.url, flags: ['--config', configuration] });
  t.after(() => gateway.stop());
  await untilReady(gateway);
  const name = freshChannel();
  const one = await subscriber(t, gateway.socketUrl, name);
  await publish(gateway, name, 1);
  await one.heard(1);
  await redis.kill();
  await redis.restart();
  const back = await one.told.next();
  assert.deepEqual([back.wasRecovering, back.recovered], [true, false]);
  await publish(gateway, name, 2);
  await one.heard(2);
});

test('what cannot keep streams is no bus for them, and the reason is told', limit, async (t) => {
  class OldRedis extends RedisServer {
    command() {
      const [program, flags] = super.command();
      return [program, [...flags, '--rename-command', 'HELLO', '']];
    }
  }
  const redis = await OldRedis.start();
  t.after(() => redis.kill());
  const gateway = await startGateway({ dev: false, bus: redis.url, flags: ['--config', configuration] });
  t.after(() => gateway.stop());
  await until(async () => {
    const { status, body } = await gateway.readiness();
    return status === 503 && /no RESP3, which streams/.test(body);
  }, 'the reason');
});
