// A Redis Cluster as the bus: channels of all primaries, slots that move and a primary that is killed.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { apiKey, numbers, publish, subscriber, untilReady } from './bus_client.mjs';
import { startGateway } from './gateway.mjs';
import { RedisCluster, slotOf } from './redis_cluster.mjs';
import { RedisServer, until } from './redis_server.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 40_000 };
const secret = 'ding-dong';
const host = '127.0.0.1';

process.setMaxListeners(32); // one for each server
const folder = mkdtempSync(join(tmpdir(), 'carillon-cluster-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
shards = 2
bus_backoff_min_ms = 10
bus_backoff_max_ms = 50
bus_cluster_pause_ms = 50
[[namespace]]
subscribe = ["anonymous"]
history_size = 1000
recovery = "stream"
presence = true
[[namespace]]
name = "plain"
subscribe = ["anonymous"]
`);


async function gatewayOn(t, bus, ...flags) {
  const gateway = await startGateway({ dev: false, bus, flags: ['--config', configuration, ...flags] });
  t.after(() => gateway.stop());
  return gateway;
}

/** A channel in each third of the slots. */
const channels = ['news', 'mail', 'chat', 'x{y}z', 'a', 'b', 'c', 'd', 'e', 'f'];
const thirds = [[0, 5460], [5461, 10922], [10923, 16383]].map(([from, to]) =>
  channels.find((each) => slotOf(each) >= from && slotOf(each) <= to));

describe('three primaries, and a replica of the first', suite, () => {
  let cluster, one, two;
  before(async () => {
    cluster = await RedisCluster.start({ folder });
    const start = () => startGateway({ dev: false, bus: cluster.url, flags: ['--config', configuration] });
    [one, two] = await Promise.all([start(), start()]);
    await Promise.all([one, two].map(untilReady));
  });
  after(async () => {
    for (const each of [one, two]) await each?.stop();
    await cluster?.kill();
  });

  test('channels of all of them have streams, and what others publish at any node is heard', limit, async (t) => {
    assert.equal(await one.metric('carillon_upstream_servers'), 3);
    for (const channel of thirds) {
      const late = await subscriber(t, two, channel);
      for (const n of numbers(1, 5)) await publish(one, channel, n);
      await late.heard(5);
      assert.deepEqual(late.seen, numbers(1, 5));
      const { result } = await two.api('history', { channel, limit: 10 }, apiKey);
      assert.deepEqual(result.publications.map(({ data }) => data), numbers(1, 5));
      await until(async () => (await one.api('presence_stats', { channel }, apiKey)).result?.num_clients === 1, 'it is present');
    }
    for (const channel of thirds.map((each) => `plain:${each}`)) {
      const [here, there] = [await subscriber(t, one, channel), await subscriber(t, two, channel)];
      for (const [n, node] of cluster.nodes.entries()) await node.cli('PUBLISH', channel, String(n));
      for (const each of [here, there]) {
        await each.heard(4);
        assert.deepEqual(each.seen.toSorted(), [0, 1, 2, 3]);
      }
      assert.deepEqual(await two.api('publish', { channel, data: 4 }, apiKey), { result: {} });
      await here.heard(5);
    }
    assert.equal(await one.metric('carillon_upstream_redirects_total'), 0);
  });

  test('gateways count each other', limit, async (t) => {
    await subscriber(t, two, 'counted');
    const { result } = await one.api('channels', { pattern: 'counted' }, apiKey);
    assert.deepEqual(result.channels, { counted: { num_clients: 1 } });
    assert.equal(await one.metric('carillon_nodes'), 2);
  });

  test('a channel whose name decides nothing has no stream', limit, async () => {
    const { error } = await one.api('publish', { channel: '}x', data: 1 }, apiKey);
    assert.ok(error, 'its keys would be in different slots');
    assert.equal((await one.readiness()).status, 200);
  });

  test('slots go from one primary to another while there is something published', limit, async (t) => {
    const channel = thirds[1];
    const [from, to] = [cluster.nodes[1], cluster.nodes[2]];
    const all = [await subscriber(t, one, `${channel}`), await subscriber(t, two, channel)];
    const known = (await one.api('history', { channel, limit: 0 }, apiKey)).result.offset;
    let done = false;
    const published = (async () => {
      let n = 100;
      for (; !done || n < 200; ++n) await publish(n % 2 ? one : two, channel, n);
      return n - 1;
    })();
    await cluster.migrate(slotOf(channel), from, to);
    await until(async () => await one.metric('carillon_upstream_redirects_total') > 0, 'calls were sent on');
    await until(async () => await to.subscribers(channel) === 2, 'both are subscribed there');
    done = true;
    const last = await published;
    for (const each of all) {
      await until(() => each.seen.at(-1) === last, 'the last is heard');
      assert.deepEqual(each.seen.filter((n) => n >= 100), numbers(100, last));
      assert.equal(each.told.unread, 0, 'clients need not know of it');
    }
    const { result } = await one.api('history', { channel, limit: 0 }, apiKey);
    assert.equal(result.offset, known + last - 99);
    await until(async () => await from.subscribers(channel) === 0, 'nobody is subscribed where it was');
  });

  test('a primary is killed, and its replica takes its place', limit, async (t) => {
    const [primary, , , replica] = cluster.nodes;
    const all = [];
    for (const channel of thirds) all.push(await subscriber(t, one, channel));
    for (const each of all) for (const n of numbers(1001, 1010)) await publish(two, each.name, n);
    await cluster.replicated(primary, replica);
    await primary.kill();
    for (const each of all) for (const n of numbers(1011, 1020)) await publish(two, each.name, n);
    for (const each of all) {
      await until(() => each.seen.at(-1) === 1020, `the last of ${each.name} is heard`);
      assert.deepEqual(each.seen.filter((n) => n > 1000), numbers(1001, 1020));
      assert.equal(each.told.unread, 0, 'clients need not know of it');
    }
    for (const each of [one, two]) {
      await untilReady(each);
      assert.equal(await each.metric('carillon_upstream_failovers_total'), 1);
      assert.equal(await each.metric('carillon_upstream_servers'), 3);
      assert.equal(await each.metric('carillon_upstream_stream_gaps_lost_total'), 0);
    }
    assert.match(one.log, new RegExp(`what was at ${host}:${primary.port} is at ${host}:${replica.port}`));

    await primary.restart();
    await until(async () => await primary.replication('master_link_status') === 'up', 'it is a replica now');
    await publish(one, thirds[0], 1021);
    await all[0].heard(1);
    assert.equal((await one.readiness()).status, 200);
  });
});

test('what is no cluster, a wrong password and too many primaries are told', limit, async (t) => {
  const single = await RedisServer.start({ flags: ['--requirepass', secret] });
  t.after(() => single.kill());
  const reason = async (why, url, ...flags) => {
    const gateway = await gatewayOn(t, url, ...flags);
    await until(async () => why.test((await gateway.readiness()).body), `${why}`);
    return gateway;
  };
  const at = (credentials) => `redis-cluster://${credentials}${host}:${single.port}`;
  await reason(/cluster's node at 127.0.0.1:\d+: NOAUTH/, at(''));
  const wrong = await reason(/: WRONGPASS/, at(':bim-bam@'));
  assert.ok(!wrong.log.includes('bim-bam'));
  await reason(/cluster support disabled/, at(`:${secret}@`));

  const cluster = await RedisCluster.start({ folder, flags: ['--requirepass', secret, '--masterauth', secret] });
  t.after(() => cluster.kill());
  const url = cluster.url.replace('://', `://:${secret}@`);
  await reason(/the cluster has 3 primaries, more than bus_cluster_primaries_max/, url, '--bus-cluster-primaries-max', '2');
  await untilReady(await gatewayOn(t, url));
});
