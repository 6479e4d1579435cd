// Compression (permessage-deflate) with the library that most Node.js programs use, and with the SDK over it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { Centrifuge } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import WebSocket from 'ws';
import { freshChannel, keepEvents, keepNamedEvents, startGateway } from './gateway.mjs';

const limit = { timeout: 60_000 };
const apiKey = 'open-sesame';
const withoutContexts = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

const folder = mkdtempSync(join(tmpdir(), 'carillon-compression-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
websocket_compression = true
websocket_compression_bytes_min = 100
[[namespace]]
name = "mail"
subscribe = ["anonymous"]
publish = ["anonymous"]
history = ["subscriber"]
history_size = 1000
recovery = "stream"
`);

const words = (bytes) => Array.from({ length: Math.ceil(bytes / 8) }, (_, i) => `word${(i * 7919) % 1000}`).join(' ').slice(0, bytes);

describe('compression', { timeout: 120_000 }, () => {
  let gateway;
  before(async () => {
    gateway = await startGateway({ dev: false, flags: ['--shards', '2', '--config', configuration] });
  });
  after(() => gateway?.stop());
  const publish = (channel, data) => gateway.api('publish', { channel, data }, apiKey);

  /** A WebSocket of the library, with the extensions that were agreed to and the messages that come. */
  async function open(t, perMessageDeflate) {
    const socket = new WebSocket(gateway.socketUrl, { perMessageDeflate });
    t.after(() => socket.terminate());
    const messages = keepEvents(socket, 'message'), closes = keepEvents(socket, 'close');
    let extensions;
    socket.once('upgrade', (response) => { extensions = response.headers['sec-websocket-extensions']; });
    await once(socket, 'open');
    const say = (...commands) => socket.send(commands.map((each) => JSON.stringify(each)).join('\n'));
    const next = async () => JSON.parse(await messages.next());
    return { socket, say, next, messages, closes, extensions };
  }
  async function subscribed(t, channel, perMessageDeflate) {
    const client = await open(t, perMessageDeflate);
    client.say({ id: 1, connect: {} });
    assert.ok((await client.next()).connect);
    client.say({ id: 2, subscribe: { channel } });
    assert.equal((await client.next()).id, 2);
    return client;
  }

  for (const [name, offer, agreed] of [
    ['the offer as it is', true, withoutContexts],
    ['no offer', false, undefined],
    ['a small window for the server', { serverMaxWindowBits: 10 }, `${withoutContexts}; server_max_window_bits=9`],
    ['a window of 32 KiB', { serverMaxWindowBits: 15 }, `${withoutContexts}; server_max_window_bits=15`],
    ['a window for the client', { clientMaxWindowBits: 9 }, withoutContexts],
    ['no contexts', { serverNoContextTakeover: true, clientNoContextTakeover: true }, withoutContexts],
    ['a window that there is not', { serverMaxWindowBits: 8 }, undefined],
  ]) {
    test(`agrees to ${name}, and publications and commands arrive`, limit, async (t) => {
      const channel = freshChannel();
      const client = await subscribed(t, channel, offer && { threshold: 0, ...(offer === true ? {} : offer) });
      assert.equal(client.extensions, agreed);
      for (const bytes of [1, 99, 100, 4_096, 50_000]) {
        const data = { text: words(bytes) };
        await publish(channel, data);
        assert.deepEqual((await client.next()).push.pub.data, data);
        client.say({ id: bytes + 10, publish: { channel, data } });
        const heard = [await client.next(), await client.next()].find((each) => each.push);
        assert.deepEqual(heard.push.pub.data, data);
      }
    });
  }

  test('fragments of a compressed message are one command', limit, async (t) => {
    const client = await open(t, true);
    const text = JSON.stringify({ id: 1, connect: { name: words(5_000) } });
    for (let at = 0; at < text.length; at += 700)
      client.socket.send(text.slice(at, at + 700), { compress: true, fin: at + 700 >= text.length });
    assert.equal((await client.next()).id, 1);
  });

  test('what is no DEFLATE, a bomb, and a message that is not allowed end with their codes', limit, async (t) => {
    const frame = (payload, first = 0xc1) => {
      const length = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255];
      return Buffer.concat([Buffer.from([first, ...length, 0, 0, 0, 0]), payload]);
    };
    for (const [code, offer, bytes] of [
      [1007, true, frame(Buffer.from('no DEFLATE'))],
      [1009, true, frame(deflateRawSync(Buffer.alloc(10_000_000, ' ')))],
      [1002, false, frame(deflateRawSync(Buffer.from('{"id":1,"connect":{}}')))],
      [1002, true, frame(Buffer.from('p'), 0xc9)],
    ]) {
      const client = await open(t, offer);
      client.socket._socket.write(bytes);
      assert.equal(await client.closes.next(), code);
    }
  });

  for (const [name, Build, decoded] of [
    ['JSON', Centrifuge, (data) => data],
    ['protobuf', ProtobufCentrifuge, (data) => JSON.parse(new TextDecoder().decode(data))],
  ]) {
    test(`the SDK (${name}) recovers what it has missed, compressed`, limit, async (t) => {
      const channel = freshChannel();
      let socket;
      class Compressed extends WebSocket {
        constructor(url, protocols) {
          super(url, protocols, { perMessageDeflate: { threshold: 100 } });
          socket = this;
        }
      }
      const client = new Build(gateway.socketUrl, { websocket: Compressed, minReconnectDelay: 5, maxReconnectDelay: 50 });
      t.after(() => client.disconnect());
      const subscription = client.newSubscription(channel);
      const heard = keepNamedEvents(subscription, 'publication', 'subscribed');
      subscription.subscribe();
      client.connect();
      assert.equal((await heard.next()).name, 'subscribed');
      assert.equal(socket.extensions, 'permessage-deflate');
      await publish(channel, { n: 0, text: words(2_000) });
      assert.equal(decoded((await heard.next()).context.data).n, 0);
      const before = await gateway.metric('carillon_deflated_bytes_before_total');
      socket.terminate();
      for (let n = 1; n <= 50; ++n) await publish(channel, { n, text: words(200) });
      const arrived = [];
      while (arrived.length < 50) {
        const { name: event, context } = await heard.next();
        if (event === 'publication') arrived.push(decoded(context.data).n);
      }
      assert.deepEqual(arrived, Array.from({ length: 50 }, (_, i) => i + 1));
      const history = await subscription.history({ limit: 100 });
      assert.equal(history.publications.length, 51);
      assert.ok(await gateway.metric('carillon_deflated_bytes_before_total') > before + 10_000);
      assert.ok(await gateway.metric('carillon_deflated_bytes_after_total') > 0);
    });
  }
});
