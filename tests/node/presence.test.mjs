// Who is there, with the unmodified Centrifuge SDK.
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

const suite = { timeout: 120_000 };
const limit = { timeout: 30_000 };
const readyLimitMs = 10_000;
const secret = 'a secret of these tests, of 32 bytes and more';
const apiKey = 'open-sesame';

const folder = mkdtempSync(join(tmpdir(), 'carillon-presence-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
token_hmac_secret = "${secret}"
[[namespace]]
subscribe = ["client"]
presence = true
presence_for = ["subscriber"]
join_leave = true
`);

let channels = 0;
const freshChannel = () => `room-${++channels}`;

const untilReady = (gateway) => until(async () => (await gateway.readiness()).status === 200, 'the gateway is ready');

// The same, whether who is there is known inside of the process or on a Redis; there, each client comes to another
// gateway than the one before.
for (const [shards, on] of [['1', 'embedded'], ['3', 'embedded'], ['1', 'redis'], ['3', 'redis']]) {
  describe(`presence on ${shards} shard(s), ${on}`, suite, () => {
    let redis, gateways, gateway;
    before(async () => {
      if (on === 'redis') redis = await RedisServer.start();
      const how = { dev: false, bus: redis?.url, flags: ['--shards', shards, '--bus-presence-ttl-s', '3', '--config', configuration] };
      gateways = [gateway = await startGateway(how)];
      if (redis) gateways.push(await startGateway(how));
      if (redis) await Promise.all(gateways.map(untilReady));
    });
    after(async () => {
      for (const each of gateways ?? []) await each.stop();
      await redis?.kill();
    });

    function arrives(t, user, channel, options = {}) {
      gateways.push(gateways.shift());
      return arrivesAt(t, gateways[0], user, channel, options);
    }

    async function arrivesAt(t, where, user, channel, options = {}) {
      const made = new Centrifuge(where.socketUrl, { websocket: WebSocket,
        token: jwt.sign({ sub: user, info: { name: user } }, secret) });
      t.after(() => made.disconnect());
      const subscription = made.newSubscription(channel, options);
      const joins = keepEvents(subscription, 'join');
      const leaves = keepEvents(subscription, 'leave');
      const welcome = new Promise((resolve) => made.once('connected', resolve));
      subscription.subscribe();
      made.connect();
      const { client } = await welcome;
      await subscription.ready(readyLimitMs);
      return { made, subscription, client, joins, leaves };
    }

    test('who comes and goes is told, with who it is', limit, async (t) => {
      const channel = freshChannel();
      const ann = await arrives(t, 'ann', channel, { joinLeave: true });
      assert.equal((await ann.joins.next()).info.client, ann.client); // itself
      const ben = await arrives(t, 'ben', channel);
      const { info } = await ann.joins.next();
      assert.deepEqual([info.user, info.client, info.connInfo], ['ben', ben.client, { name: 'ben' }]);
      ben.made.disconnect();
      assert.equal((await ann.leaves.next()).info.client, ben.client);
    });

    test('who is there can be asked, by subscribers and back ends', limit, async (t) => {
      const channel = freshChannel();
      const ann = await arrives(t, 'ann', channel);
      const ben = await arrives(t, 'ben', channel);
      await arrives(t, 'ben', channel);
      await until(async () => (await ann.subscription.presenceStats()).numClients === 3, 'three are there');
      const { clients } = await ann.subscription.presence();
      assert.equal(clients[ben.client].user, 'ben');
      assert.equal(Object.keys(clients).length, 3);
      assert.deepEqual(await ann.subscription.presenceStats(), { numClients: 3, numUsers: 2 });
      const told = await gateway.api('presence', { channel }, apiKey);
      assert.deepEqual(told.result.presence[ann.client], { user: 'ann', client: ann.client, conn_info: { name: 'ann' } });
      assert.deepEqual(await gateway.api('presence_stats', { channel }, apiKey), { result: { num_clients: 3, num_users: 2 } });
      for (const each of gateways) await each.api('unsubscribe', { user: 'ben', channel }, apiKey);
      await until(async () => {
        const { result } = await gateway.api('presence_stats', { channel }, apiKey);
        return result.num_clients === 1 && result.num_users === 1;
      }, 'one is there');
      assert.deepEqual(await gateway.api('presence', { channel: 'nobody-is-here' }, apiKey), { result: { presence: {} } });
    });

    test('who was at a gateway that has died is gone after a while, and those who stay are told', { ...limit, skip: on === 'embedded' }, async (t) => {
      const channel = freshChannel();
      const ann = await arrives(t, 'ann', channel, { joinLeave: true });
      await ann.joins.next();
      const dying = await startGateway({ dev: false, bus: redis.url, flags: ['--bus-presence-ttl-s', '3', '--config', configuration] });
      await untilReady(dying);
      const ben = await arrivesAt(t, dying, 'ben', channel);
      assert.equal((await ann.joins.next()).info.user, 'ben');
      await dying.kill();
      ben.made.disconnect();
      await until(async () => Object.keys((await ann.subscription.presence()).clients).length === 1, 'he is gone');
      assert.equal((await ann.leaves.next()).info.user, 'ben');
    });

    test('a server that has forgotten everything is told again', { ...limit, skip: on === 'embedded' }, async (t) => {
      const channel = freshChannel();
      const ann = await arrives(t, 'ann', channel);
      await redis.cli('FLUSHALL');
      await until(async () => Object.keys((await ann.subscription.presence()).clients).length === 1, 'she is there again');
    });
  });
}
