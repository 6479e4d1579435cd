// What back ends ask of one gateway concerns the clients of all that share its bus.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import { keepEvents, startBus, startGateway } from './gateway.mjs';
import { RedisServer, until } from './redis_server.mjs';

const suite = { timeout: 180_000 };
const limit = { timeout: 60_000 };
const secret = 'a secret of these tests, of 32 bytes and more';
const apiKey = 'open-sesame';
const readyLimitMs = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'carillon-nodes-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
token_hmac_secret = "${secret}"
[[namespace]]
subscribe = ["client"]
publish = ["client"]
`);
const silent = join(folder, 'silent.toml'); // without a server API
writeFileSync(silent, `
token_hmac_secret = "${secret}"
[[namespace]]
subscribe = ["client"]
`);

const untilReady = (gateway) => until(async () => (await gateway.readiness()).status === 200, 'the gateway is ready');

for (const on of ['redis', 'carillon-bus']) {
  describe(`nodes on one ${on}`, suite, () => {
    let bus, url, asked, others;
    before(async () => {
      bus = on === 'redis' ? await RedisServer.start() : await startBus();
      url = bus.url?.startsWith('redis') ? bus.url : `redis://127.0.0.1:${bus.ports.bus}`;
      const start = (path) => startGateway({ dev: false, bus: url, flags: ['--shards', '2', '--bus-order-timeout-ms', '3000', '--config', path] });
      [asked, ...others] = await Promise.all([start(configuration), start(configuration), start(silent)]);
      await Promise.all([asked, ...others].map(untilReady));
    });
    after(async () => {
      for (const each of [asked, ...others ?? []]) await each?.stop();
      await bus?.kill();
    });

    let users = 0;
    async function connect(t, where) {
      const user = `user-${on}-${++users}`;
      const made = new Centrifuge(where.socketUrl, { websocket: WebSocket, token: jwt.sign({ sub: user }, secret) });
      t.after(() => made.disconnect());
      made.connect();
      await made.ready(readyLimitMs);
      return { made, user };
    }

    test('a user is disconnected wherever he is', limit, async (t) => {
      for (const where of others) {
        const { made, user } = await connect(t, where);
        const gone = keepEvents(made, 'disconnected');
        assert.deepEqual(await asked.api('disconnect', { user, disconnect: { code: 4501, reason: 'enough' } }, apiKey), { result: {} });
        const { code, reason } = await gone.next();
        assert.deepEqual([code, reason], [4501, 'enough']);
      }
    });

    test('a user is subscribed and unsubscribed wherever he is', limit, async (t) => {
      for (const where of others) {
        const { made, user } = await connect(t, where);
        const come = keepEvents(made, 'subscribed');
        const left = keepEvents(made, 'unsubscribed');
        assert.deepEqual(await asked.api('subscribe', { user, channel: 'news' }, apiKey), { result: {} });
        assert.equal((await come.next()).channel, 'news');
        assert.deepEqual(await asked.api('unsubscribe', { user, channel: 'news' }, apiKey), { result: {} });
        assert.equal((await left.next()).channel, 'news');
      }
    });

    test('a program that listens to patterns is no gateway', { ...limit, skip: on !== 'redis' }, async (t) => {
      const { createClient } = await import('redis');
      const curious = createClient({ url });
      await curious.connect();
      t.after(() => curious.destroy());
      await curious.pSubscribe('*', () => {});
      assert.deepEqual(await asked.api('disconnect', { user: 'nobody' }, apiKey), { result: {} });
      assert.equal(await asked.metric('carillon_nodes'), 3);
    });

    test('channels and connections are those of all', limit, async (t) => {
      const clients = [];
      for (const where of [asked, ...others]) {
        const its = await connect(t, where);
        const channels = [`of-all-${on}`, `of-${its.user}`];
        for (const name of channels) {
          const subscription = its.made.newSubscription(name);
          subscription.subscribe();
          await subscription.ready(readyLimitMs);
        }
        clients.push(its);
      }
      const all = async (method, params, take) => {
        const found = [];
        for (let answer, cursor = {}; cursor; cursor = answer.next && (method === 'channels' ? { after: answer.next } : { cursor: answer.next })) {
          answer = (await asked.api(method, { ...params, ...cursor }, apiKey)).result;
          found.push(...take(answer));
        }
        return found;
      };
      const expected = [[`of-all-${on}`, 3], ...clients.map(({ user }) => [`of-${user}`, 1])].sort();
      const counts = ({ channels }) => Object.entries(channels).map(([name, { num_clients }]) => [name, num_clients]);
      assert.deepEqual(await all('channels', { pattern: `of-*${on}*` }, counts), expected);
      assert.deepEqual(await all('channels', { pattern: `of-*${on}*`, limit: 1 }, counts), expected);
      const mine = new Set(clients.map(({ user }) => user));
      const known = ({ node, connections }) => connections.filter(({ user }) => mine.has(user)).map((each) => ({ node, ...each }));
      for (const params of [{}, { limit: 1 }]) {
        const found = await all('connections', params, known);
        assert.deepEqual(found.map(({ user }) => user).sort(), [...mine].sort());
        assert.equal(new Set(found.map(({ node }) => node)).size, 3);
        assert.ok(found.every(({ channels }) => channels.includes(`of-all-${on}`)));
      }
      const [one] = await all('connections', { user: clients[2].user }, known);
      assert.equal(one.user, clients[2].user);
      assert.equal((await asked.api('connections', { cursor: 'x' }, apiKey)).error.code, 107);
    });

    test('clients can neither hear nor say what gateways say to each other', limit, async (t) => {
      const { made } = await connect(t, asked);
      const subscription = made.newSubscription('carillon.control');
      const refused = keepEvents(subscription, 'unsubscribed');
      subscription.subscribe();
      assert.equal((await refused.next()).code, 103);
      await assert.rejects(made.publish('carillon.control', { v: 1 }), { code: 103 });
    });

    test('what a client says by requests reaches its gateway from any other', limit, async (t) => {
      const user = `user-${on}-${++users}`;
      // The stream is at the last, and all that is said comes to the first.
      const made = new Centrifuge([{ transport: 'http_stream', endpoint: `${others[1].url}/connection/http_stream` }],
        { emulationEndpoint: `${asked.url}/emulation`, token: jwt.sign({ sub: user }, secret), fetch, readableStream: ReadableStream });
      t.after(() => made.disconnect());
      const subscription = made.newSubscription(`said-${on}`);
      const heard = keepEvents(subscription, 'publication');
      subscription.subscribe();
      made.connect();
      await made.ready(readyLimitMs);
      await subscription.ready(readyLimitMs);
      await asked.api('publish', { channel: `said-${on}`, data: { n: 1 } }, apiKey);
      assert.deepEqual((await heard.next()).data, { n: 1 });
      assert.ok(await asked.metric('carillon_node_emulations_total') > 0);
      assert.equal(await asked.metric('carillon_node_emulations_lost_total'), 0);
      const of = (node) => fetch(`${asked.url}/emulation`, { method: 'POST', body: JSON.stringify({ node, session: '0'.repeat(52), data: '{}' }) });
      assert.equal((await of('carillon.control')).status, 404);
      assert.equal((await of('00000000-0000-4000-8000-000000000000')).status, 204);
      await until(async () => await asked.metric('carillon_node_emulations_lost_total') === 1, 'nobody has heard it');
    });

    test('info tells of all nodes, and of one that has died no more', limit, async (t) => {
      const info = async () => (await asked.api('info', {}, apiKey)).result.nodes;
      const nodes = await info();
      assert.equal(nodes.length, 3);
      assert.equal(new Set(nodes.map(({ uid }) => uid)).size, 3);
      const slow = others[0];
      slow.pause();
      t.after(() => slow.resume());
      const [answer] = await Promise.all([
        asked.api('disconnect', { user: 'nobody' }, apiKey),
        until(() => asked.log.includes('2 of 3 nodes answered in time'), 'the log says so').catch(() => {}),
      ]);
      assert.equal(answer.error.code, 100);
      slow.resume();
      await until(async () => (await asked.api('disconnect', { user: 'nobody' }, apiKey)).result, 'all answer again');
      await others.pop().kill();
      await until(async () => (await info()).length === 2, 'two are left');
    });

    test('when the bus is away, an order fails, and is carried out where it was given', limit, async (t) => {
      const { made, user } = await connect(t, asked);
      const gone = keepEvents(made, 'disconnected');
      await bus.kill();
      bus = undefined;
      await until(async () => (await asked.readiness()).status === 503, 'the bus is away');
      assert.equal((await asked.api('disconnect', { user }, apiKey)).error.code, 100);
      await gone.next();
    });
  });
}
