// Clients without a WebSocket: the unmodified Centrifuge SDK over HTTP streams and server-sent events, and clients that only
// listen.
import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
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

const suite = { timeout: 180_000 };
const limit = { timeout: 60_000 };
const readyLimitMs = 10_000;
const secret = 'a secret of these tests, of 32 bytes and more';
const apiKey = 'open-sesame';
const origin = 'https://app.example.com';

const folder = mkdtempSync(join(tmpdir(), 'carillon-carriers-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
token_hmac_secret = "${secret}"
allowed_origins = ["${origin}"]
client_ping_interval_ms = 2000
client_pong_timeout_ms = 1900
[[namespace]]
subscribe = ["client"]
publish = ["client"]
history_size = 1000
recovery = "stream"
`);

let channels = 0;
const freshChannel = () => `test-${++channels}`;
const token = (claims = {}) => jwt.sign({ sub: '42', ...claims }, secret, { expiresIn: '1h' });

/** As a browser's, over fetch: no more of it than the SDK uses. */
class EventSourceOverFetch {
  static CLOSED = 2;
  readyState = 0;
  #stop = new AbortController();
  constructor(url) {
    this.#run(url);
  }
  async #run(url) {
    try {
      const answer = await fetch(url, { signal: this.#stop.signal });
      if (!answer.ok) throw new Error(answer.status);
      this.readyState = 1;
      this.onopen?.();
      for await (const data of eventsOf(answer.body)) this.onmessage?.({ data });
      this.readyState = 0; // as a browser, which would try again
      this.onerror?.({});
    } catch {
      this.readyState = 2;
      this.onerror?.({});
    }
  }
  close() {
    this.readyState = 2;
    this.#stop.abort();
  }
}

async function* piecesOf(body, separator) {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    for (let at; (at = text.indexOf(separator)) >= 0;) {
      yield text.slice(0, at);
      text = text.slice(at + separator.length);
    }
  }
}
async function* eventsOf(body) {
  for await (const event of piecesOf(body, '\n\n')) {
    const data = event.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
    if (data.length) yield data.join('\n');
  }
}

const kinds = {
  http_stream: (gateway) => [{ transport: 'http_stream', endpoint: `${gateway.url}/connection/http_stream` }],
  sse: (gateway) => [{ transport: 'sse', endpoint: `${gateway.url}/connection/sse` }],
};

function client(t, gateway, kind, options = {}, Build = Centrifuge) {
  const made = new Build(kinds[kind](gateway), {
    token: token(), emulationEndpoint: `${gateway.url}/emulation`, eventsource: EventSourceOverFetch, fetch, readableStream: ReadableStream,
    minReconnectDelay: 5, maxReconnectDelay: 50, ...options });
  t.after(() => made.disconnect());
  return made;
}

for (const shards of ['1', '3']) {
  describe(`carriers on ${shards} shard(s)`, suite, () => {
    let gateway;
    before(async () => {
      gateway = await startGateway({ dev: false, flags: ['--shards', shards, '--config', configuration] });
    });
    after(() => gateway?.stop());
    const publish = (channel, data) => gateway.api('publish', { channel, data }, apiKey);

    const builds = [['http_stream', Centrifuge, 'JSON', (data) => data], ['sse', Centrifuge, 'JSON', (data) => data],
      ['http_stream', ProtobufCentrifuge, 'protobuf', (bytes) => JSON.parse(new TextDecoder().decode(bytes))]];
    for (const [kind, Build, format, valueOf] of builds) {
      const encoded = (value) => (format === 'JSON' ? value : new TextEncoder().encode(JSON.stringify(value)));

      test(`${kind} with ${format}: subscribes, publishes, hears, and is pinged`, limit, async (t) => {
        const one = client(t, gateway, kind, {}, Build);
        const channel = freshChannel();
        const events = keepEvents(one, 'connected', 'disconnected');
        one.connect();
        const connected = await events.next();
        assert.equal(connected.name, 'connected');
        assert.equal(connected.context.transport, kind);
        const subscription = one.newSubscription(channel);
        const heard = keepEvents(subscription, 'publication');
        subscription.subscribe();
        await subscription.ready(readyLimitMs);
        await one.publish(channel, encoded({ n: 1 }));
        assert.deepEqual(valueOf((await heard.next()).context.data), { n: 1 });
        await publish(channel, { n: 2 });
        assert.deepEqual(valueOf((await heard.next()).context.data), { n: 2 });
        // It answers a ping, or it would be disconnected.
        const before = await gateway.metric('carillon_pongs_received_total');
        while (await gateway.metric('carillon_pongs_received_total') <= before) await publish(channel, 'tick');
        subscription.unsubscribe();
      });

      test(`${kind} with ${format}: is told why it ends, and recovers what it has missed`, limit, async (t) => {
        const user = `user-${freshChannel()}`;
        const one = client(t, gateway, kind, { token: token({ sub: user }) }, Build);
        const channel = freshChannel();
        const subscription = one.newSubscription(channel);
        const heard = keepEvents(subscription, 'publication', 'subscribing', 'subscribed');
        subscription.subscribe();
        one.connect();
        await subscription.ready(readyLimitMs);
        await publish(channel, 0);
        while ((await heard.next()).name !== 'publication');
        await gateway.api('disconnect', { user, disconnect: { code: 3011, reason: 'once more' } }, apiKey);
        const ended = await heard.next();
        assert.equal(ended.name, 'subscribing');
        for (let n = 1; n <= 10; ++n) await publish(channel, n);
        for (let next = 1; next <= 10;) {
          const event = await heard.next();
          if (event.name === 'publication') assert.equal(valueOf(event.context.data), next++);
          if (event.name === 'subscribed') assert.ok(event.context.recovered);
        }
        const disconnected = keepEvents(one, 'disconnected');
        await gateway.api('disconnect', { user }, apiKey);
        const { context } = await disconnected.next();
        assert.equal(context.code, 3503);
        assert.equal(context.reason, 'force disconnect');
      });
    }

    test('many commands at once are answered in order', limit, async (t) => {
      const one = client(t, gateway, 'http_stream');
      one.connect();
      await one.ready(readyLimitMs);
      const subscriptions = Array.from({ length: 50 }, () => one.newSubscription(freshChannel()));
      for (const each of subscriptions) each.subscribe();
      await Promise.all(subscriptions.map((each) => each.ready(readyLimitMs)));
    });

    // --- who only listens

    test('a plain stream of events', limit, async () => {
      const mine = freshChannel();
      const request = encodeURIComponent(JSON.stringify({ token: token({ channels: [mine] }) }));
      const stop = new AbortController();
      const answer = await fetch(`${gateway.url}/connection/uni_sse?cf_connect=${request}`, { signal: stop.signal });
      assert.equal(answer.headers.get('content-type'), 'text/event-stream');
      assert.equal(answer.headers.get('x-accel-buffering'), 'no');
      const events = eventsOf(answer.body);
      const connected = JSON.parse((await events.next()).value);
      assert.match(connected.connect.client, /^[0-9a-f-]{36}$/);
      assert.ok(mine in connected.connect.subs);
      assert.ok(connected.connect.session);
      const { result } = await gateway.api('connections', { user: '42' }, apiKey);
      assert.equal(result.connections.find((each) => each.client === connected.connect.client).transport, 'uni_sse');
      await publish(mine, { a: 1 });
      const heard = JSON.parse((await events.next()).value);
      assert.equal(heard.channel, mine);
      assert.deepEqual(heard.pub.data, { a: 1 });
      let ping;
      do ping = (await events.next()).value; while (ping !== '{}');
      await gateway.api('disconnect', { user: '42', session: connected.connect.session }, apiKey);
      let last;
      for (let each; !(each = await events.next()).done;) last = each.value;
      assert.deepEqual(JSON.parse(last), { disconnect: { code: 3503, reason: 'force disconnect' } });
    });

    test('a plain HTTP stream, line by line, which goes on where it was', limit, async () => {
      const mine = freshChannel();
      const listen = async (request) => {
        const stop = new AbortController();
        const answer = await fetch(`${gateway.url}/connection/uni_http_stream`,
          { method: 'POST', body: JSON.stringify(request), signal: stop.signal });
        assert.equal(answer.status, 200);
        return { lines: piecesOf(answer.body, '\n'), stop };
      };
      const first = await listen({ token: token({ channels: [mine] }) });
      const { connect } = JSON.parse((await first.lines.next()).value);
      const { epoch, offset = 0 } = connect.subs[mine];
      first.stop.abort();
      await publish(mine, 'missed');
      const second = await listen({ token: token({ channels: [mine] }), subs: { [mine]: { recover: true, epoch, offset } } });
      const again = JSON.parse((await second.lines.next()).value).connect.subs[mine];
      assert.equal(again.recovered, true);
      assert.deepEqual(again.publications.map((each) => each.data), ['missed']);
      second.stop.abort();
    });

    test('a WebSocket that only listens', limit, async () => {
      const mine = freshChannel();
      const socket = new WebSocket(gateway.socketUrl.replace('websocket', 'uni_websocket'));
      const heard = keepEvents(socket, 'message');
      const said = async () => {
        for (;;) {
          const { context } = await heard.next();
          if (String(context) !== '{}') return JSON.parse(context); // else a ping
        }
      };
      await once(socket, 'open');
      socket.send(JSON.stringify({ token: token({ channels: [mine] }) }));
      const { connect: welcome } = await said();
      socket.send('{}'); // a pong that nobody has asked for
      await publish(mine, 7);
      assert.deepEqual((await said()).pub.data, 7);
      const closed = once(socket, 'close');
      await gateway.api('disconnect', { user: '42', client: welcome.client, disconnect: { code: 4001, reason: 'enough' } }, apiKey);
      assert.deepEqual(await said(), { disconnect: { code: 4001, reason: 'enough' } });
      assert.equal((await closed)[0], 4001);
    });

    test('a stream of events that names its channels itself', limit, async () => {
      const [mine, closed] = [freshChannel(), 'nobody:x'];
      const query = new URLSearchParams({ cf_connect: JSON.stringify({ token: token(), subs: { [mine]: {} } }) });
      const events = eventsOf((await fetch(`${gateway.url}/connection/uni_sse?${query}`)).body);
      const said = async () => JSON.parse((await events.next()).value);
      assert.deepEqual(Object.keys((await said()).connect.subs), [mine]);
      await publish(mine, 7);
      assert.deepEqual((await said()).pub.data, 7);
      const other = new URLSearchParams({ cf_connect: JSON.stringify({ token: token(), subs: { [closed]: {} } }) });
      const refused = eventsOf((await fetch(`${gateway.url}/connection/uni_sse?${other}`)).body);
      assert.deepEqual(JSON.parse((await refused.next()).value), { disconnect: { code: 3501, reason: 'bad request' } });
    });

    test('a token that is no good ends it with its code', limit, async () => {
      const ends = async (connect) => {
        const answer = await fetch(`${gateway.url}/connection/uni_http_stream`, { method: 'POST', body: JSON.stringify(connect) });
        return (await answer.text()).trim().split('\n').map((each) => JSON.parse(each));
      };
      assert.deepEqual(await ends({ token: 'x' }), [{ disconnect: { code: 3500, reason: 'invalid token' } }]);
      const old = jwt.sign({ sub: '1', exp: 1000 }, secret);
      assert.deepEqual(await ends({ token: old }), [{ disconnect: { code: 3005, reason: 'connection expired' } }]);
      assert.deepEqual(await ends({}), [{ disconnect: { code: 3501, reason: 'bad request' } }]);
    });

    // --- requests

    const asked = [
      ['a preflight of a page that may', 'OPTIONS', '/connection/http_stream', { Origin: origin, 'Access-Control-Request-Headers': 'content-type' }, undefined, 204],
      ['a preflight of a page that may not', 'OPTIONS', '/emulation', { Origin: 'https://evil.example' }, undefined, 403],
      ['a page that may not', 'POST', '/connection/http_stream', { Origin: 'https://evil.example' }, '{}', 403],
      ['another method', 'PUT', '/connection/sse', {}, '{}', 405],
      ['an emulation with GET', 'GET', '/emulation', {}, undefined, 405],
      ['an emulation that is no JSON', 'POST', '/emulation', {}, 'x', 400],
      ['an emulation of no session', 'POST', '/emulation', {}, '{"data":"{}"}', 400],
      ['an emulation of another node', 'POST', '/emulation', {}, JSON.stringify({ node: 'x', session: '0'.repeat(52), data: '{}' }), 404],
      ['a body that is too large', 'POST', '/emulation', {}, 'x'.repeat(65_537), 413],
      ['a query that is not encoded', 'GET', '/connection/uni_sse?cf_connect=%zz', {}, undefined, 400],
    ];
    for (const [name, method, path, headers, body, status] of asked) {
      test(`${name} is ${status}`, limit, async () => {
        const answer = await rawRequest(gateway, method, path, headers, body);
        assert.equal(answer.status, status, answer.text);
        const allowed = answer.headers['access-control-allow-origin'];
        assert.equal(allowed, status === 204 ? origin : undefined);
        if (status === 204) assert.equal(answer.headers['access-control-allow-headers'], 'content-type');
      });
    }

    test('a request without a length is 411', limit, async () => {
      const answer = await rawRequest(gateway, 'POST', '/emulation', { 'Transfer-Encoding': 'chunked' }, undefined, '2\r\n{}\r\n0\r\n\r\n');
      assert.equal(answer.status, 411);
    });

    test('what comes byte by byte is as what comes at once, also with HTTP/1.0', limit, async () => {
      const body = `{"id":1,"connect":{"token":"${token()}"}}`;
      const socket = connectTcp(gateway.ports.client, '127.0.0.1');
      socket.setNoDelay(true);
      let text = '';
      socket.on('data', (bytes) => { text += bytes; });
      const request = `POST /connection/http_stream HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      for (const byte of request) await new Promise((resolve) => socket.write(byte, resolve));
      while (!text.includes('\n{')) await once(socket, 'data');
      const reply = JSON.parse(text.slice(text.indexOf('\n{') + 1).split('\n')[0]);
      assert.ok(reply.connect.session);
      assert.ok(reply.connect.node);
      socket.destroy();
    });
  });
}

/** One request over a connection of its own. */
async function rawRequest(gateway, method, path, headers, body, raw) {
  const socket = connectTcp(gateway.ports.client, '127.0.0.1');
  const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
  const lines = Object.entries({ Host: 'test', ...length, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${raw ?? body ?? ''}`);
  let text = '';
  socket.on('data', (bytes) => { text += bytes; });
  socket.on('error', () => {}); // what was refused unread may end with a reset
  await once(socket, 'close');
  const [head] = text.split('\r\n\r\n');
  const fields = head.split('\r\n').slice(1).map((line) => line.split(': '));
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), text,
    headers: Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value])) };
}
