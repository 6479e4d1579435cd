// Sentinels say where the bus is: real ones with a failover that is asked for and one by kill -9, and some that lie.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { apiKey, numbers, publish, subscriber, untilReady } from './bus_client.mjs';
import { startGateway } from './gateway.mjs';
import { RedisServer, freePort, until } from './redis_server.mjs';
import { Watched, masterSecret, ownFolder, sentinelSecret } from './sentinels.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 40_000 };
const host = '127.0.0.1';

process.setMaxListeners(32); // one for each server
const folder = mkdtempSync(join(tmpdir(), 'carillon-sentinel-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
shards = 1
bus_backoff_min_ms = 10
bus_backoff_max_ms = 50
[[namespace]]
subscribe = ["anonymous"]
history_size = 1000
recovery = "stream"
[[namespace]]
name = "wild"
subscribe = ["anonymous"]
wildcard = true
`);

const failovers = (gateway) => gateway.metric('carillon_upstream_failovers_total');

async function gatewayOn(t, bus, ...flags) {
  const gateway = await startGateway({ dev: false, bus, flags: ['--config', configuration, ...flags] });
  t.after(() => gateway.stop());
  return gateway;
}

describe('three Sentinels, a master and a replica', suite, () => {
  let all;
  before(async () => { all = await Watched.start({ folder }); });
  after(() => all?.kill());

  test('a failover that is asked for, a kill, and one that loses something', limit, async (t) => {
    const gateway = await gatewayOn(t, all.url, '--bus-sentinel-password', sentinelSecret);
    await untilReady(gateway);
    const first = await all.masterPort();
    const one = await subscriber(t, gateway, 'news');
    for (const n of numbers(1, 20)) await publish(gateway, 'news', n);
    await until(() => all.replicated(), 'the replica has everything');

    await all.sentinels[0].cli('SENTINEL', 'FAILOVER', 'mymaster');
    await until(async () => await failovers(gateway) === 1, 'the gateway is at the new master');
    await untilReady(gateway);
    for (const n of numbers(21, 40)) await publish(gateway, 'news', n);
    await one.heard(40);
    await all.settled();
    const second = await all.masterPort();
    assert.notEqual(second, first);

    await all.at(second).kill();
    for (const n of numbers(41, 60)) await publish(gateway, 'news', n);
    await one.heard(60);
    assert.deepEqual(one.seen, numbers(1, 60));
    assert.equal(one.told.unread, 0, 'clients need not know of it');
    assert.equal(await failovers(gateway), 2);
    assert.equal(await gateway.metric('carillon_upstream_stream_gaps_lost_total'), 0);
    assert.match(gateway.log, new RegExp(`the master is ${host}:${first}; it was at ${host}:${second} before`));
    await all.at(second).restart();
    await all.settled();

    // The replica does not get what the master acknowledges, and takes its place.
    all.at(second).pause();
    await all.at(first).cli('CLIENT', 'KILL', 'TYPE', 'replica');
    await publish(gateway, 'news', 61);
    await one.heard(61);
    await all.at(first).kill();
    all.at(second).resume();
    const back = await one.told.next();
    assert.deepEqual([back.wasRecovering, back.recovered], [true, false], 'who had it is told');
    await publish(gateway, 'news', 62);
    await until(() => one.seen.at(-1) === 62, 'it goes on');
    assert.equal(await failovers(gateway), 3);
    for (const each of [masterSecret, sentinelSecret]) assert.ok(!gateway.log.includes(each));
  });
});

/** Says to everybody that the master is at `where`, a port; says nothing when that is null. */
class Liar {
  questions = 0;
  constructor(where) { this.where = where; }
  async listen(t) {
    const sockets = new Set();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('data', () => {
        this.questions += 1;
        const port = String(this.where);
        if (this.where !== null) socket.write(`*2\r\n$9\r\n${host}\r\n$${port.length}\r\n${port}\r\n`);
      });
    }).listen(0, host);
    await once(server, 'listening');
    t.after(() => { server.close(); for (const each of sockets) each.destroy(); });
    this.port = server.address().port;
    return this;
  }
}
const busOf = (all) => `redis-sentinel://${all.map(({ port }) => `${host}:${port}`).join(',')}/mymaster`;

test('a Sentinel that is gone, one that is silent and one that names a replica are passed over', limit, async (t) => {
  const master = await RedisServer.start();
  t.after(() => master.kill());
  const replica = await RedisServer.start({ flags: [...ownFolder(folder), '--replicaof', `${host} ${master.port}`] });
  t.after(() => replica.kill());
  const wrong = await new Liar(replica.port).listen(t);
  const gateway = await gatewayOn(t, busOf([wrong]));
  await until(async () => /the server is a replica/.test((await gateway.readiness()).body), 'the reason');
  wrong.where = null;
  await until(async () => /Sentinel at 127.0.0.1:\d+: it does not answer in time/.test((await gateway.readiness()).body), 'the reason');

  const all = [{ port: await freePort() }, await new Liar(null).listen(t), await new Liar(replica.port).listen(t),
    await new Liar(master.port).listen(t)];
  const another = await gatewayOn(t, busOf(all), '--bus-connect-timeout-ms', '300');
  await untilReady(another);
  assert.ok(await another.metric('carillon_upstream_connect_failures_total') >= 3);
  assert.equal((await another.readiness()).status, 200);
});

test('a master that is alive is left when more than half of the Sentinels say that it is another', limit, async (t) => {
  const [one, two] = [await RedisServer.start(), await RedisServer.start()];
  t.after(() => Promise.all([one.kill(), two.kill()]));
  const all = [];
  for (let i = 0; i < 3; ++i) all.push(await new Liar(one.port).listen(t));
  const gateway = await gatewayOn(t, busOf(all), '--bus-sentinel-interval-ms', '100', '--bus-reply-timeout-ms', '500');
  await untilReady(gateway);
  const wild = await subscriber(t, gateway, 'wild:*');
  all[2].where = two.port; // by itself it says nothing
  const asked = all.map(({ questions }) => questions);
  await until(() => all.every(({ questions }, i) => questions >= asked[i] + 3), 'all have been asked');
  assert.equal(await failovers(gateway), 0);
  all[1].where = two.port;
  all[0].where = null; // it would be asked first
  await until(async () => await failovers(gateway) === 1, 'it is at the other');
  await untilReady(gateway);
  assert.match(gateway.log, new RegExp(`the Sentinels say that the master is at ${host}:${two.port}`));
  assert.equal(await one.cli('CLIENT', 'LIST', 'TYPE', 'pubsub'), '');
  await two.cli('PUBLISH', 'wild:a', '1');
  await wild.heard(1);
  assert.deepEqual(wild.seen, [1], 'the new master has been asked for the wildcard');
});
