// Deltas, filters, and who comes back in time, as unmodified SDKs see them.
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

const limit = { timeout: 60_000 };
const apiKey = 'open-sesame';
const secret = 'a secret of these tests, of 32 bytes and more';
const folder = mkdtempSync(join(tmpdir(), 'carillon-deltas-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
const written = (table) => `
api_key = "${apiKey}"
anonymous = true
token_hmac_secret = "${secret}"
channel_filters_max = 2
[[namespace]]
name = "table"
subscribe = ["anonymous"]
history = ["subscriber"]
history_size = 100
recovery = "stream"
${table}
[[namespace]]
name = "whole"
subscribe = ["anonymous"]
[[namespace]]
name = "trades"
subscribe = ["anonymous"]
history_size = 100
recovery = "stream"
allow_tags_filter = true
[[namespace]]
name = "live"
subscribe = ["anonymous"]
allow_tags_filter = true
[[namespace]]
name = "room"
subscribe = ["client"]
presence = true
presence_for = ["subscriber"]
join_leave = true
join_leave_debounce_s = 2
`;
writeFileSync(configuration, written('allowed_delta_types = ["fossil"]'));

/** What has been heard, and waiting for more. */
class Heard {
  all = [];
  #waiting = [];
  add(what) {
    this.all.push(what);
    this.#waiting = this.#waiting.filter(({ count, done }) => this.all.length < count || done());
  }
  until(count) {
    if (this.all.length >= count) return this.all;
    return new Promise((resolve) => this.#waiting.push({ count, done: () => void resolve(this.all) }));
  }
}

const documentOf = (n) => ({ symbol: 'Glockenspiel é€🔔', bid: n, ask: n + 1, rows: Array.from({ length: 20 }, (_, i) => ({ id: i, n: i === n % 20 ? n : 0 })) });

for (const shards of ['1', '3']) {
  describe(`deltas and filters on ${shards} shard(s)`, limit, () => {
    let gateway, publish;
    before(async () => {
      gateway = await startGateway({ dev: false, flags: ['--config', configuration, '--shards', shards] });
      publish = (channel, data, tags) => gateway.api('publish', { channel, data, ...(tags && { tags }) }, apiKey);
    });
    after(() => gateway.stop());

    function client(t, options = {}, Sdk = Centrifuge) {
      const messages = [];
      class Watched extends WebSocket {
        constructor(...args) {
          super(...args);
          this.on('message', (data, binary) => { if (!binary) messages.push(...String(data).split('\n')); });
        }
      }
      const made = new Sdk(gateway.socketUrl, { websocket: Watched, ...options });
      t.after(() => made.disconnect());
      made.connect();
      return { made, messages };
    }
    const dataOf = (data) => (data instanceof Uint8Array ? JSON.parse(Buffer.from(data).toString()) : data);

    async function subscribed(made, channel, options) {
      const heard = new Heard();
      const subscription = made.newSubscription(channel, options);
      subscription.on('publication', ({ data }) => heard.add(dataOf(data)));
      subscription.subscribe();
      await subscription.ready();
      return { subscription, heard };
    }

    test('every SDK puts deltas together, and they are smaller', async (t) => {
      const channel = `table:sdk-${shards}`;
      const json = await subscribed(client(t).made, channel, { delta: 'fossil' });
      const protobuf = await subscribed(client(t, {}, ProtobufCentrifuge).made, channel, { delta: 'fossil' });
      const plain = await subscribed(client(t).made, channel);
      const expected = Array.from({ length: 30 }, (_, n) => documentOf(n));
      let late;
      for (const each of expected) {
        if (each.bid === 11) late = await subscribed(client(t).made, channel, { delta: 'fossil' });
        await publish(channel, each);
      }
      assert.deepEqual(await late.heard.until(19), expected.slice(11));
      for (const { heard } of [json, protobuf, plain]) assert.deepEqual(await heard.until(30), expected);
      for (const { subscription } of [json, protobuf]) {
        const { numFullPayloads, numDeltaPayloads, compressionRatio } = subscription.deltaStats();
        assert.deepEqual([numFullPayloads, numDeltaPayloads], [1, 29]);
        assert.ok(compressionRatio > 0.7, `${compressionRatio}`);
      }
      assert.ok(await gateway.metric('carillon_deltas_total') >= 29);
      assert.ok(await gateway.metric('carillon_delta_bytes_after_total') < await gateway.metric('carillon_delta_bytes_before_total') / 3);
    });

    test('text that is no JSON, and documents that have nothing in common, come whole', async (t) => {
      const channel = `table:mixed-${shards}`;
      const { heard } = await subscribed(client(t).made, channel, { delta: 'fossil' });
      const all = [documentOf(1), 'a "text"\n', 23, documentOf(2), null, documentOf(3), documentOf(4)];
      for (const each of all) await publish(channel, each);
      assert.deepEqual(await heard.until(all.length), all);
    });

    test('who comes back recovers the first whole and the others as deltas', async (t) => {
      const channel = `table:back-${shards}`;
      const { made, messages } = client(t);
      const { subscription, heard } = await subscribed(made, channel, { delta: 'fossil' });
      await publish(channel, documentOf(0));
      await heard.until(1);
      made.disconnect();
      for (let n = 1; n < 6; ++n) await publish(channel, documentOf(n));
      const back = new Promise((resolve) => subscription.once('subscribed', resolve));
      made.connect();
      assert.equal((await back).recovered, true);
      for (let n = 6; n < 9; ++n) await publish(channel, documentOf(n));
      assert.deepEqual(await heard.until(9), Array.from({ length: 9 }, (_, n) => documentOf(n)));
      const replies = messages.filter((each) => each.includes('"was_recovering":true')).map((each) => JSON.parse(each));
      assert.deepEqual(replies.at(-1).subscribe.publications.map(({ delta }) => delta ?? false), [false, true, true, true, true]);
      const page = await subscription.history({ limit: 2 });
      assert.deepEqual(page.publications.map(({ data }) => data), [documentOf(0), documentOf(1)]);
    });

    test('where there are no deltas everything comes whole', async (t) => {
      const { heard, subscription } = await subscribed(client(t).made, `whole:${shards}`, { delta: 'fossil' });
      for (let n = 0; n < 3; ++n) await publish(`whole:${shards}`, documentOf(n));
      assert.deepEqual(await heard.until(3), [0, 1, 2].map(documentOf));
      assert.equal(subscription.deltaStats().numDeltaPayloads, 0);
    });

    for (const namespace of ['trades', 'live']) {
      test(`a filter lets through what it says (${namespace})`, async (t) => {
        const channel = `${namespace}:${shards}`;
        const tagsFilter = { op: 'and', nodes: [{ key: 'symbol', cmp: 'in', vals: ['BTC', 'ETH'] }, { key: 'amount', cmp: 'gte', val: '1000' }] };
        const some = await subscribed(client(t).made, channel, { tagsFilter });
        const same = await subscribed(client(t, {}, ProtobufCentrifuge).made, channel, { tagsFilter });
        const all = await subscribed(client(t).made, channel);
        await publish(channel, 1, { symbol: 'BTC', amount: '1000' });
        await publish(channel, 2, { symbol: 'BTC', amount: '999.9' });
        await publish(channel, 3);
        await publish(channel, 4, { symbol: 'XRP', amount: '5000' });
        await publish(channel, 5, { symbol: 'ETH', amount: '1000.5' });
        assert.deepEqual(await all.heard.until(5), [1, 2, 3, 4, 5]);
        for (const { heard } of [some, same]) assert.deepEqual(await heard.until(2), [1, 5]);
      });
    }

    test('who comes back with a filter recovers what it lets through', async (t) => {
      const channel = `trades:back-${shards}`;
      const { made } = client(t);
      const { subscription, heard } = await subscribed(made, channel, { tagsFilter: { key: 'k', cmp: 'eq', val: 'a' } });
      await publish(channel, 0, { k: 'a' });
      await heard.until(1);
      made.disconnect();
      const back = new Promise((resolve) => subscription.once('subscribed', resolve));
      for (let n = 1; n < 7; ++n) await publish(channel, n, { k: n % 2 === 0 ? 'a' : 'b' });
      made.connect();
      assert.equal((await back).recovered, true);
      await publish(channel, 7, { k: 'b' });
      await publish(channel, 8, { k: 'a' });
      assert.deepEqual(await heard.until(5), [0, 2, 4, 6, 8]);
    });

    test('a filter that is none is error 107, and one too many 106', async (t) => {
      // 0: it was subscribed. Each on a connection of its own, which may be on any shard.
      async function outcomeOf(channel, tagsFilter) {
        const subscription = client(t).made.newSubscription(channel, { tagsFilter });
        const outcome = new Promise((resolve) => {
          subscription.once('unsubscribed', ({ code }) => resolve(code));
          subscription.once('subscribed', () => resolve(0));
        });
        subscription.subscribe();
        return outcome;
      }
      assert.equal(await outcomeOf('trades:bad', { key: 'k', cmp: 'like', val: 'a' }), 107);
      assert.equal(await outcomeOf('trades:bad', { op: 'and', nodes: [] }), 107);
      assert.equal(await outcomeOf('whole:no', { key: 'k', cmp: 'eq', val: 'a' }), 107);
      for (const channel of ['trades:many', 'live:many']) {
        const outcomes = [];
        for (let n = 0; n < 2 * Number(shards) + 1; ++n) outcomes.push(await outcomeOf(channel, { key: 'k', cmp: 'eq', val: `${n}` }));
        assert.ok(outcomes.includes(106) && outcomes.every((code) => code === 0 || code === 106), `${outcomes}`);
      }
      assert.ok(await gateway.metric('carillon_filters_refused_total') >= 5);
    });

    test('who comes back in time was not away', async (t) => {
      const channel = `room:${shards}`;
      const token = (user) => jwt.sign({ sub: user }, secret);
      const passages = new Heard();
      const watcher = client(t, { token: token('watcher') }).made;
      const subscription = watcher.newSubscription(channel, { joinLeave: true });
      subscription.on('join', ({ info }) => passages.add(`+${info.user}`));
      subscription.on('leave', ({ info }) => passages.add(`-${info.user}`));
      subscription.subscribe();
      await passages.until(1);
      const first = client(t, { token: token('reader') }).made;
      await subscribed(first, channel);
      await passages.until(2);
      first.disconnect();
      const gone = async () => (await subscription.presenceStats()).numClients === 1;
      while (!(await gone()));
      const again = client(t, { token: token('reader') }).made;
      await subscribed(again, channel);
      assert.equal((await subscription.presenceStats()).numClients, 2);
      again.disconnect();
      assert.deepEqual(await passages.until(3), ['+watcher', '+reader', '-reader']);
      assert.equal(await gateway.metric('carillon_leaves_taken_back_total'), 1);
    });
  });
}

test('when deltas are no longer allowed, who has them is told to subscribe anew', limit, async (t) => {
  const file = join(folder, 'reloaded.toml');
  writeFileSync(file, written('allowed_delta_types = ["fossil"]'));
  const gateway = await startGateway({ dev: false, flags: ['--config', file] });
  t.after(() => gateway.stop());
  const made = new Centrifuge(gateway.socketUrl, { websocket: WebSocket });
  t.after(() => made.disconnect());
  made.connect();
  const subscription = made.newSubscription('table:x', { delta: 'fossil' });
  const heard = new Heard();
  subscription.on('publication', ({ data }) => heard.add(data));
  subscription.subscribe();
  await subscription.ready();
  for (const n of [0, 1]) await gateway.api('publish', { channel: 'table:x', data: documentOf(n) }, apiKey);
  await heard.until(2);
  const anew = new Promise((resolve) => subscription.once('subscribed', resolve));
  writeFileSync(file, written('slow_consumer = "drop_oldest"'));
  gateway.signal('SIGHUP');
  assert.equal((await anew).recovered, true);
  for (const n of [2, 3]) await gateway.api('publish', { channel: 'table:x', data: documentOf(n) }, apiKey);
  assert.deepEqual(await heard.until(4), [0, 1, 2, 3].map(documentOf));
  assert.equal(subscription.deltaStats().numDeltaPayloads, 1);
});
