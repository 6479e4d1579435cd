// The unmodified Centrifuge SDK's protobuf build, beside its JSON build, on the same channels.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import { keepNamedEvents as keepEvents, startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 60_000 };
const readyLimitMs = 10_000;
const secret = 'a secret of these tests, of 32 bytes and more';
const apiKey = 'open-sesame';

const folder = mkdtempSync(join(tmpdir(), 'carillon-protobuf-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
token_hmac_secret = "${secret}"
[[namespace]]
subscribe = ["anonymous"]
publish = ["anonymous"]
history = ["subscriber"]
history_size = 1000
recovery = "stream"
presence = true
presence_for = ["subscriber"]
join_leave = true
[[namespace]]
name = "bytes"
subscribe = ["anonymous"]
publish = ["anonymous"]
binary = true
[[namespace]]
name = "text"
subscribe = ["anonymous"]
publish = ["anonymous"]
`);

let channels = 0;
const freshChannel = (namespace = '') => `${namespace}test-${++channels}`;
const bytesOf = (text) => new TextEncoder().encode(text);
const textOf = (bytes) => new TextDecoder().decode(bytes);
const encoded = (value) => bytesOf(JSON.stringify(value));
const decoded = (bytes) => JSON.parse(textOf(bytes));

/** A client of one of the SDK's builds, whose connection can be cut. */
function client(t, gateway, Build, options = {}) {
  let socket;
  class CutSocket extends WebSocket {
    constructor(...args) {
      super(...args);
      socket = this;
    }
  }
  const made = new Build(gateway.socketUrl, { websocket: CutSocket, minReconnectDelay: 5, maxReconnectDelay: 50, ...options });
  t.after(() => made.disconnect());
  made.connect();
  return { made, cut: () => socket?.terminate() };
}
const protobuf = (t, gateway, options) => client(t, gateway, ProtobufCentrifuge, options);
const json = (t, gateway, options) => client(t, gateway, Centrifuge, options);

/** A subscription that stands, and the queue of what it hears. */
async function subscribed(of, channel, options) {
  const subscription = of.made.newSubscription(channel, options);
  const heard = keepEvents(subscription, 'publication', 'join', 'leave', 'unsubscribed', 'subscribed');
  subscription.subscribe();
  await subscription.ready(readyLimitMs);
  const first = await heard.next();
  assert.equal(first.name, 'subscribed');
  return { subscription, heard, first: first.context };
}

for (const shards of ['1', '3']) {
  describe(`protobuf on ${shards} shard(s)`, suite, () => {
    let gateway;
    before(async () => {
      gateway = await startGateway({ dev: false, flags: ['--shards', shards, '--config', configuration] });
    });
    after(() => gateway?.stop());
    const publish = (channel, data, more = {}) => gateway.api('publish', { channel, data, ...more }, apiKey);

    test('connects with a token, and has an ID', limit, async (t) => {
      const token = jwt.sign({ sub: 'zoë', channels: ['personal'], info: { name: 'Zoë' } }, secret, { expiresIn: '1h' });
      const one = protobuf(t, gateway, { token });
      const events = keepEvents(one.made, 'connected', 'subscribed', 'publication');
      const connected = await events.next();
      assert.match(connected.context.client, /^[0-9a-f-]{36}$/);
      const standing = await events.next();
      assert.equal(standing.name, 'subscribed');
      assert.equal(standing.context.channel, 'personal');
      await publish('personal', { for: 'zoë' });
      const heard = await events.next();
      assert.deepEqual(decoded(heard.context.data), { for: 'zoë' });
    });

    test('JSON and protobuf hear each other on one channel', limit, async (t) => {
      const channel = freshChannel();
      const binary = protobuf(t, gateway), text = json(t, gateway);
      const mine = await subscribed(binary, channel), theirs = await subscribed(text, channel);
      await binary.made.publish(channel, encoded({ from: 'protobuf', emoji: '🔔' }));
      await text.made.publish(channel, { from: 'json' });
      await publish(channel, { from: 'api' }, { tags: { kind: 'mail', n: '1' } });
      for (const from of ['protobuf', 'json', 'api']) {
        const bytes = (await mine.heard.next()).context, object = (await theirs.heard.next()).context;
        assert.equal(decoded(bytes.data).from, from);
        assert.deepEqual(decoded(bytes.data), object.data);
        assert.equal(bytes.offset, object.offset);
        assert.deepEqual(bytes.tags ?? {}, object.tags ?? {});
        assert.equal(bytes.info?.client, object.info?.client);
        if (from === 'api') assert.deepEqual({ ...object.tags }, { kind: 'mail', n: '1' });
      }
    });

    test('recovers what it has missed, in order and once', limit, async (t) => {
      const channel = freshChannel();
      const one = protobuf(t, gateway);
      const { heard } = await subscribed(one, channel);
      await publish(channel, 0);
      assert.equal(decoded((await heard.next()).context.data), 0);
      one.cut();
      for (let n = 1; n <= 20; ++n) await publish(channel, n);
      let next = 1;
      while (next <= 20) {
        const event = await heard.next();
        if (event.name === 'publication') assert.equal(decoded(event.context.data), next++);
        if (event.name === 'subscribed') assert.ok(event.context.recovered);
      }
    });

    test('reads history, who is there, and who comes and goes', limit, async (t) => {
      const channel = freshChannel();
      const token = jwt.sign({ sub: '42', info: { name: 'Ada' } }, secret, { expiresIn: '1h' });
      const one = protobuf(t, gateway, { token });
      const { subscription, heard } = await subscribed(one, channel, { joinLeave: true });
      for (const n of [1, 2, 3]) await publish(channel, { n });
      for (let n = 0; n < 4; ++n) await heard.next(); // its own join, and three publications
      const history = await subscription.history({ limit: 10 });
      assert.deepEqual(history.publications.map((each) => decoded(each.data).n), [1, 2, 3]);
      assert.equal(history.offset, 3);
      const other = json(t, gateway);
      await subscribed(other, channel);
      const joined = await heard.next();
      assert.equal(joined.name, 'join');
      const { clients } = await subscription.presence();
      assert.equal(Object.keys(clients).length, 2);
      const mine = Object.values(clients).find((each) => each.user === '42');
      assert.deepEqual(decoded(mine.connInfo), { name: 'Ada' });
      const stats = await subscription.presenceStats();
      assert.equal(stats.numClients, 2);
      assert.equal(stats.numUsers, 2);
      other.made.disconnect();
      assert.equal((await heard.next()).name, 'leave');
    });

    test('errors and ends have their codes', limit, async (t) => {
      const one = protobuf(t, gateway);
      const refused = keepEvents(one.made.newSubscription('nowhere:x'), 'error', 'unsubscribed');
      one.made.getSubscription('nowhere:x').subscribe();
      const why = await refused.next();
      assert.equal(why.context.code, 102);
      const token = jwt.sign({ sub: 'to-go' }, secret, { expiresIn: '1h' });
      const other = protobuf(t, gateway, { token });
      const events = keepEvents(other.made, 'connected', 'disconnected');
      await events.next();
      await gateway.api('disconnect', { user: 'to-go' }, apiKey);
      const ended = await events.next();
      assert.equal(ended.context.code, 3503);
      assert.equal(ended.context.reason, 'force disconnect');
    });

    test('bytes that are no text pass where they may, and end who speaks JSON with 3506', limit, async (t) => {
      const channel = freshChannel('bytes:');
      const one = protobuf(t, gateway), two = protobuf(t, gateway), third = json(t, gateway);
      const events = keepEvents(third.made, 'disconnected');
      await subscribed(one, channel);
      const { heard } = await subscribed(two, channel);
      await subscribed(third, channel);
      const noise = Uint8Array.from([0xff, 0x00, 0xfe, 0x0a]);
      await one.made.publish(channel, noise);
      assert.deepEqual(Uint8Array.from((await heard.next()).context.data), noise);
      assert.equal((await events.next()).context.code, 3506);
      await assert.rejects(one.made.publish(freshChannel('text:'), noise), (why) => why.code === 107);
    });

    test('text that is no JSON is a text for who speaks JSON', limit, async (t) => {
      const channel = freshChannel('text:');
      const one = protobuf(t, gateway), other = json(t, gateway);
      const mine = await subscribed(one, channel), theirs = await subscribed(other, channel);
      await one.made.publish(channel, bytesOf('ding "dong"'));
      assert.equal(textOf((await mine.heard.next()).context.data), 'ding "dong"');
      assert.equal((await theirs.heard.next()).context.data, 'ding "dong"');
    });

    const delimited = (...bytes) => Buffer.from([bytes.length, ...bytes]);
    const connect = delimited(0x08, 0x01, 0x22, 0x00);
    const torn = [
      ['an empty message', Buffer.alloc(0)],
      ['a length beyond the message', Buffer.from([0x7f, 0x08])],
      ['a length that never ends', Buffer.from(new Array(11).fill(0xff))],
      ['a field that is cut', delimited(0x08, 0x02, 0x2a, 0x7f)],
      ['a field of number 0', delimited(0x00, 0x01)],
      ['a command that asks for nothing', delimited(0x08, 0x02)],
      ['a channel that is no UTF-8', delimited(0x08, 0x02, 0x2a, 0x03, 0x0a, 0x01, 0xff)],
    ];
    for (const [name, message] of torn) {
      test(`${name} is a bad request`, limit, async () => {
        const socket = new WebSocket(gateway.socketUrl, 'centrifuge-protobuf');
        await once(socket, 'open');
        assert.equal(socket.protocol, 'centrifuge-protobuf');
        socket.send(connect);
        const [reply, isBinary] = await once(socket, 'message');
        assert.ok(isBinary);
        assert.equal(reply[0], reply.length - 1);
        socket.send(message);
        const [code] = await once(socket, 'close');
        assert.equal(code, 3501);
      });
    }

    test('several commands in one message, and the query in place of the subprotocol', limit, async () => {
      const socket = new WebSocket(`${gateway.socketUrl}?cf_protocol=protobuf`);
      await once(socket, 'open');
      const subscribe = delimited(0x08, 0x02, 0x2a, 0x08, 0x0a, 0x06, ...bytesOf('text:a'));
      socket.send(Buffer.concat([connect, subscribe]));
      const [reply] = await once(socket, 'message');
      assert.equal(reply[0] + 1 < reply.length, true, 'both replies are in one message');
      socket.terminate();
    });
  });
}
