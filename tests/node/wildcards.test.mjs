// Subscriptions that stand for many channels, as the SDK's builds see them, on the bus inside and on a Redis.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import { startGateway } from './gateway.mjs';
import { RedisServer, until } from './redis_server.mjs';

const limit = { timeout: 60_000 };
const apiKey = 'open-sesame';
const secret = 'a secret of these tests, of 32 bytes and more';
const folder = mkdtempSync(join(tmpdir(), 'carillon-wildcards-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
shards = 2
wildcards_max = 8
token_hmac_secret = "${secret}"
bus_backoff_min_ms = 10
bus_backoff_max_ms = 50
bus_linger_ms = 0
[[namespace]]
subscribe = ["anonymous"]
wildcard = true
[[namespace]]
name = "news"
subscribe = ["anonymous"]
publish = ["anonymous"]
history = ["anonymous"]
presence_for = ["anonymous"]
history_size = 10
recovery = "stream"
presence = true
join_leave = true
wildcard = true
allow_tags_filter = true
allowed_delta_types = ["fossil"]
[[namespace]]
name = "plain"
subscribe = ["anonymous"]
[[namespace]]
name = "shut"
wildcard = true
`);

function client(t, gateway, { Build = Centrifuge, ...options } = {}) {
  const made = new Build(gateway.socketUrl, { websocket: WebSocket, minReconnectDelay: 5, maxReconnectDelay: 50, ...options });
  t.after(() => made.disconnect());
  made.connect();
  return made;
}

const text = (data) => (data instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(data)) : data);

async function subscribed(made, channel, options) {
  const subscription = made.newSubscription(channel, options);
  const heard = [];
  subscription.on('publication', (ctx) => heard.push([ctx.tags?.channel ?? ctx.channel, text(ctx.data), ctx.offset ?? 0]));
  subscription.subscribe();
  await subscription.ready();
  return { subscription, heard, hears: (count) => until(() => heard.length >= count, `${count} of ${channel}: ${JSON.stringify(heard)}`) };
}

const refusal = (subscription) => new Promise((resolve) => {
  subscription.on('unsubscribed', ({ code }) => resolve(code));
  subscription.subscribe();
});

function suite(name, bus) {
  describe(name, limit, () => {
    let gateway;
    const publish = async (channel, data, where = gateway) => {
      const answer = await where.api('publish', { channel, data }, apiKey);
      assert.ok(answer.result, JSON.stringify(answer));
    };
    before(async () => {
      gateway = await startGateway({ dev: false, flags: ['--config', configuration], bus: await bus.start() });
      await until(async () => (await gateway.readiness()).status === 200, 'the gateway is ready');
    });
    after(async () => {
      await gateway.stop();
      await bus.stop();
    });

    test('all channels that it stands for are heard, each by its own name', limit, async (t) => {
      const all = await subscribed(client(t, gateway), 'news:*');
      const sport = await subscribed(client(t, gateway, { Build: ProtobufCentrifuge }), 'news:sport.*');
      const football = await subscribed(client(t, gateway), 'news:sport.football');
      await publish('news:weather', 1);
      await publish('news:sport.football', 2);
      await publish('news:sport.football.uk', 3);
      await publish('news:sports', 4);
      await publish('plain:sport.football', 5);
      await publish('news:sport.end', 6);
      await all.hears(5);
      await sport.hears(3);
      assert.deepEqual(all.heard.map(([, data]) => data).sort(), [1, 2, 3, 4, 6]);
      assert.deepEqual(Object.fromEntries(all.heard.map(([channel, data]) => [data, channel])),
        { 1: 'news:weather', 2: 'news:sport.football', 3: 'news:sport.football.uk', 4: 'news:sports', 6: 'news:sport.end' });
      assert.deepEqual(sport.heard.map(([channel, data, offset]) => `${data} ${channel} ${offset}`).sort(),
        ['2 news:sport.football 0', '3 news:sport.football.uk 0', '6 news:sport.end 0']);
      await football.hears(1);
      assert.deepEqual(football.heard, [['news:sport.football', 2, 1]]);
    });

    test('who has both gets it once for each', limit, async (t) => {
      const made = client(t, gateway);
      const [all, one] = [await subscribed(made, 'news:both.*'), await subscribed(made, 'news:both.a')];
      await publish('news:both.a', 'x');
      await publish('news:both.b', 'y');
      await all.hears(2);
      await one.hears(1);
      assert.deepEqual(one.heard, [['news:both.a', 'x', 1]]);
      assert.deepEqual(all.heard.map(([channel, data]) => [channel, data]).sort(), [['news:both.a', 'x'], ['news:both.b', 'y']]);
      all.subscription.unsubscribe();
      await made.publish('news:both.a', 'z');
      await one.hears(2);
      assert.equal(all.heard.length, 2);
    });

    test('filters look at the channel, too, and there are no deltas', limit, async (t) => {
      const tagsFilter = { op: 'or', nodes: [{ key: 'channel', cmp: 'ew', val: '.b' }, { key: 'k', cmp: 'ex' }] };
      const some = await subscribed(client(t, gateway), 'news:f.*', { tagsFilter });
      const more = await subscribed(client(t, gateway, { Build: ProtobufCentrifuge }), 'news:f.*', { tagsFilter });
      const whole = await subscribed(client(t, gateway), 'news:f.*', { delta: 'fossil' });
      const document = 'x'.repeat(100);
      for (const each of ['a', 'b', 'c', 'b']) await publish(`news:f.${each}`, document);
      for (const { hears } of [some, more]) await hears(2);
      await whole.hears(4);
      for (const { heard } of [some, more]) assert.deepEqual(heard, [['news:f.b', document, 0], ['news:f.b', document, 0]]);
      assert.deepEqual(whole.heard.map(([channel, data]) => [channel.at(-1), data]).sort(), [...'abbc'].map((each) => [each, document]));
      assert.equal(await gateway.metric('carillon_deltas_total'), 0);
      assert.equal(await refusal(client(t, gateway).newSubscription('shut:f.*', { tagsFilter })), 107);
    });

    test('a wildcard has no stream and nobody in it, and nobody publishes to it', limit, async (t) => {
      const made = client(t, gateway);
      const { subscription } = await subscribed(made, 'news:none.*');
      for (const ask of ['presence', 'presenceStats', 'history']) await assert.rejects(subscription[ask]({ limit: 1 }), { code: 108 }, ask);
      await assert.rejects(subscription.publish('x'), { code: 107 });
      const answer = await gateway.api('publish', { channel: 'news:none.*', data: 1 }, apiKey);
      assert.equal(answer.error.code, 107);
      const others = client(t, gateway);
      for (const options of [{ recoverable: true }, { positioned: true }, { joinLeave: true }, { since: { offset: 1, epoch: 'e' } }]) {
        const wanted = others.newSubscription('news:none.*', options);
        assert.equal(await refusal(wanted), 108, JSON.stringify(options));
        others.removeSubscription(wanted);
      }
    });

    test('permission is that of its namespace', limit, async (t) => {
      const made = client(t, gateway);
      assert.equal(await refusal(made.newSubscription('shut:*')), 103);
      assert.equal(await refusal(made.newSubscription('news:a*')), 107);
      assert.equal(await refusal(made.newSubscription('$news:*')), 103);
      const token = jwt.sign({ sub: '', channel: 'shut:a.*' }, secret);
      const { hears, heard } = await subscribed(made, 'shut:a.*', { token });
      await publish('shut:a.b', 1);
      await hears(1);
      assert.deepEqual(heard, [['shut:a.b', 1, 0]]);
      // Where there are none, it is a channel like any other.
      const literal = await subscribed(made, 'plain:*');
      await publish('plain:a', 1);
      await publish('plain:*', 2);
      await literal.hears(1);
      assert.deepEqual(literal.heard, [['plain:*', 2, 0]]);
    });

    test('the server may subscribe a client to one', limit, async (t) => {
      const made = new Centrifuge(gateway.socketUrl, { websocket: WebSocket, token: jwt.sign({ sub: '42', channels: ['shut:s.*'] }, secret) });
      t.after(() => made.disconnect());
      const heard = [];
      made.on('publication', ({ tags, data }) => heard.push([tags.channel, data]));
      const there = new Promise((resolve) => made.on('subscribed', resolve));
      made.connect();
      await there;
      await publish('shut:s.b', 1);
      await until(() => heard.length === 1, 'it is heard');
      assert.deepEqual(heard, [['shut:s.b', 1]]);
      const told = new Promise((resolve) => made.on('subscribed', resolve));
      await gateway.api('subscribe', { user: '42', channel: 'news:by.*' }, apiKey);
      await told;
      await publish('news:by.order', 2);
      await until(() => heard.length === 2, 'it is heard');
      assert.deepEqual(heard[1], ['news:by.order', 2]);
    });

    test('there are so many different ones on a shard and no more', limit, async (t) => {
      await until(async () => (await gateway.metric('carillon_wildcards')) === 0, 'those before have gone');
      const made = client(t, gateway);
      for (const each of 'abcdefgh') await subscribed(made, `news:${each}.*`);
      assert.equal(await gateway.metric('carillon_wildcards'), 8);
      assert.equal(await refusal(made.newSubscription('news:i.*')), 106);
      await subscribed(made, 'news:i');
    });

    if (bus.restart) {
      test('it is the same over several gateways, and what these say to each other is not heard', limit, async (t) => {
        const other = await startGateway({ dev: false, flags: ['--config', configuration], bus: server.url });
        t.after(() => other.stop());
        await until(async () => (await other.readiness()).status === 200, 'the other is ready');
        const token = jwt.sign({ sub: '43' }, secret);
        const made = client(t, gateway, { token });
        const news = await subscribed(made, 'news:far.*');
        const all = await subscribed(made, 'carillon.*');
        assert.equal(await refusal(made.newSubscription('carillon.node.*')), 103);
        const told = new Promise((resolve) => made.on('subscribed', resolve));
        assert.deepEqual(await other.api('subscribe', { user: '43', channel: 'news:order.*' }, apiKey), { result: {} });
        assert.equal((await told).channel, 'news:order.*');
        await publish('news:far.a', 1, other);
        await publish('carillon.news', 2, other);
        await news.hears(1);
        await all.hears(1);
        assert.deepEqual(news.heard, [['news:far.a', 1, 0]]);
        assert.deepEqual(all.heard, [['carillon.news', 2, 0]]);
      });

      test('it is heard again when the bus is back', limit, async (t) => {
        const { heard, hears } = await subscribed(client(t, gateway), 'news:back.*');
        await bus.restart();
        await until(async () => {
          await gateway.api('publish', { channel: 'news:back.a', data: 1 }, apiKey);
          return heard.length > 0;
        }, 'a publication after the restart');
        await hears(1);
        assert.equal(heard[0][0], 'news:back.a');
      });
    }
  });
}

suite('wildcards on the bus inside', { start: async () => undefined, stop: async () => {} });

let server;
suite('wildcards on a Redis', {
  start: async () => {
    server = await RedisServer.start();
    return server.url;
  },
  stop: () => server.kill(),
  restart: async () => {
    await server.kill();
    await server.restart();
  },
});
