// Several servers that know nothing of each other as the bus: one that dies concerns its channels alone.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { apiKey, numbers, publish, subscriber, untilReady } from './bus_client.mjs';
import { IndependentServers, homeOf } from './buses.mjs';
import { runCarillon, startGateway } from './gateway.mjs';
import { RedisServer, freePort, until } from './redis_server.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 40_000 };
const host = '127.0.0.1';

process.setMaxListeners(32); // one for each server
const folder = mkdtempSync(join(tmpdir(), 'carillon-servers-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
shards = 2
bus_backoff_min_ms = 10
bus_backoff_max_ms = 50
bus_subscribe_timeout_ms = 300
[[namespace]]
subscribe = ["anonymous"]
history_size = 1000
recovery = "stream"
presence = true
[[namespace]]
name = "wild"
subscribe = ["anonymous"]
wildcard = true
`);

describe('three servers, which keep what they have on their disks', suite, () => {
  let servers, one, two;
  const start = (bus = servers.url) => startGateway({ dev: false, bus, flags: ['--config', configuration] });
  before(async () => {
    servers = await IndependentServers.start({ folder, flags: () => ['--appendonly', 'yes', '--appendfsync', 'always'] });
    [one, two] = await Promise.all([start(), start()]);
    await Promise.all([one, two].map(untilReady));
  });
  after(async () => {
    for (const each of [one, two]) await each?.stop();
    await servers?.kill();
  });

  let made = 0;
  /** A channel of each server. */
  const ofEach = () => servers.servers.map((server) => {
    for (;;) {
      const channel = `c-${++made}`;
      if (servers.of(channel) === server) return channel;
    }
  });

  test('what is kept of a channel is at the server that the hash names, and nowhere else', limit, async () => {
    for (const channel of ofEach()) {
      await publish(one, channel, 1);
      for (const each of servers.servers) {
        const here = await each.cli('EXISTS', `carillon.stream.{${channel}}`);
        assert.equal(here, each === servers.of(channel) ? '1' : '0', channel);
      }
    }
    assert.equal(await one.metric('carillon_upstream_servers'), 3);
    assert.equal(await one.metric('carillon_upstream_servers_live'), 3);
  });

  test('the order of the list does not matter', limit, async (t) => {
    const other = await start(`redis://${servers.names.toReversed().join(',redis://')}`);
    t.after(() => other.stop());
    await untilReady(other);
    for (const channel of ofEach()) {
      const late = await subscriber(t, other, channel);
      for (const n of numbers(1, 3)) await publish(one, channel, n);
      await late.heard(3);
      assert.deepEqual(late.seen, numbers(1, 3));
    }
  });

  test('one that is killed concerns its channels alone, and has everything when it is back', limit, async (t) => {
    const channels = ofEach();
    const all = [];
    for (const channel of channels) all.push(await subscriber(t, one, channel), await subscriber(t, two, channel));
    const wild = await subscriber(t, two, 'wild:*');
    for (const channel of channels) await publish(one, channel, 1);
    const dead = servers.servers[1];
    await dead.kill();
    for (const each of [one, two]) {
      const name = `${host}:${dead.port}`;
      await until(async () => (await each.readiness()).body.startsWith(`ready, but of the bus a part is away: ${name}: `), 'it says which');
      assert.equal((await each.readiness()).status, 200);
      assert.equal(await each.metric('carillon_upstream_servers_live'), 2);
      assert.equal(await each.metric('carillon_upstream_up'), 0);
    }
    for (const [i, channel] of channels.entries()) {
      const { result, error } = await one.api('publish', { channel, data: 2, idempotency_key: '2' }, apiKey);
      assert.equal(error?.code, i === 1 ? 100 : undefined, channel);
      assert.equal(Boolean(result), i !== 1);
    }
    // Who comes now is let in to the others' channels, and gateways still hear each other.
    const newcomers = ofEach();
    for (const i of [0, 2]) await subscriber(t, two, newcomers[i]);
    assert.equal((await one.api('info', {}, apiKey)).result.nodes.length, 2);
    assert.equal((await one.api('channels', { pattern: newcomers[0] }, apiKey)).result.channels[newcomers[0]].num_clients, 1);
    await servers.of('wild:x') === dead || await servers.of('wild:x').cli('PUBLISH', 'wild:x', '1');

    await dead.restart();
    await Promise.all([one, two].map(untilReady));
    await publish(one, channels[1], 2);
    for (const each of all) {
      await each.heard(2);
      assert.deepEqual(each.seen, [1, 2], each.name);
      assert.equal(each.told.unread, 0, 'clients need not know of it');
    }
    const names = Array.from({ length: 30 }, (_, i) => `wild:${i}`);
    const before = wild.seen.length;
    for (const channel of names) await servers.of(channel).cli('PUBLISH', channel, '1');
    await until(() => wild.seen.length - before >= names.length, 'the wildcard is had at all of them');
    assert.equal(new Set(names.map((each) => homeOf(servers.names, each))).size, 3);
  });

  test('without any of them it is not ready', limit, async () => {
    for (const each of servers.servers) await each.kill();
    await until(async () => (await one.readiness()).status === 503, 'it is not ready');
    for (const { port } of servers.servers) assert.match((await one.readiness()).body, new RegExp(`${host}:${port}: `));
    for (const each of servers.servers) await each.restart();
    await untilReady(one);
  });
});

test('what cannot be a list of servers is told', limit, async () => {
  for (const [url, why] of [
    ['redis://a,b,a:6379', /a:6379 stands there twice/],
    ['redis://a,redis://:ring@b', /user and password stand once, in front of the first server/],
    ['redis-cluster://a,b/1', /a cluster has no database but 0/],
  ]) {
    const { code, stderr } = await runCarillon('--dev', '--check-config', '--bus', url);
    assert.notEqual(code, 0);
    assert.match(stderr, why);
    assert.ok(!stderr.includes('ring@'));
  }
});

test('a server that refuses the password is named, and the others are used', limit, async (t) => {
  const [open, shut] = [await RedisServer.start(), await RedisServer.start({ flags: ['--requirepass', 'ding-dong'] })];
  t.after(() => Promise.all([open.kill(), shut.kill()]));
  const gateway = await startGateway({ dev: false, bus: `redis://${host}:${open.port},${host}:${shut.port},${host}:${await freePort()}`,
    flags: ['--config', configuration] });
  t.after(() => gateway.stop());
  await until(async () => {
    const { status, body } = await gateway.readiness();
    return status === 200 && new RegExp(`${host}:${shut.port}: NOAUTH`).test(body) && /Connection refused/.test(body);
  }, 'both are named');
});
