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

for (const shards of ['1', '3']) {
  describe(`presence on ${shards} shard(s)`, suite, () => {
    let gateway;
    before(async () => {
      gateway = await startGateway({ dev: false, flags: ['--shards', shards, '--config', configuration] });
    });
    after(() => gateway?.stop());

    async function arrives(t, user, channel, options = {}) {
      const made = new Centrifuge(gateway.socketUrl, { websocket: WebSocket,
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
      const { clients } = await ann.subscription.presence();
      assert.equal(clients[ben.client].user, 'ben');
      assert.equal(Object.keys(clients).length, 3);
      assert.deepEqual(await ann.subscription.presenceStats(), { numClients: 3, numUsers: 2 });
      const told = await gateway.api('presence', { channel }, apiKey);
      assert.deepEqual(told.result.presence[ann.client], { user: 'ann', client: ann.client, conn_info: { name: 'ann' } });
      assert.deepEqual(await gateway.api('presence_stats', { channel }, apiKey), { result: { num_clients: 3, num_users: 2 } });
      await gateway.api('unsubscribe', { user: 'ben', channel }, apiKey);
      assert.deepEqual(await gateway.api('presence_stats', { channel }, apiKey), { result: { num_clients: 1, num_users: 1 } });
      assert.deepEqual(await gateway.api('presence', { channel: 'nobody-is-here' }, apiKey), { result: { presence: {} } });
    });
  });
}
