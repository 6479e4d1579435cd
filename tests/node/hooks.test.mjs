// The application decides: a server in this process is asked by the gateway, while unmodified SDKs are its clients.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import * as shared from './gateway.mjs';
import { keepEvents, startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 30_000 };
const readyLimitMs = 20_000;

const folder = mkdtempSync(join(tmpdir(), 'carillon-hooks-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;
const freshChannel = () => shared.freshChannel().replace('mail:', 'chat:');

/** An application: what it says to a path is what the test wants. */
class Application {
  /** {path, body, headers} of each request. */
  asked = [];
  says = {};
  #server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    const question = { path: request.url, body: JSON.parse(text), headers: request.headers };
    this.asked.push(question);
    const say = this.says[request.url] ?? (() => ({ result: {} }));
    const said = await say(question.body, response, question.headers);
    if (said !== undefined) response.setHeader('Content-Type', 'application/json').end(JSON.stringify(said));
  });

  async start() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  of(path) {
    return this.asked.filter((each) => each.path === path);
  }
}

describe('the application', suite, () => {
  const app = new Application();
  let gateway;

  before(async () => {
    await app.start();
    const config = join(folder, 'carillon.toml');
    const hook = (event, more = '') => `
[[proxy]]
event = ["${event}"]
url = "${app.url}/${event}"
timeout_ms = 1000
failures_max = 1000
${more}`;
    writeFileSync(config, `
client_expired_close_delay_s = 2
[[namespace]]
name = "chat"
[[namespace]]
name = "kept"
history = ["client"]
presence_for = ["client"]
history_size = 10
presence = true
[[namespace]]
name = "open"
subscribe = ["client"]
publish = ["client"]
${hook('connect', 'headers = ["Cookie", "X-Tenant"]\nemulated_headers = ["authorization", "X-Tenant", "x-key"]\nstatic_headers = { X-Key = "open-sesame" }')}
${hook('subscribe', 'namespaces = ["chat", "kept"]')}
${hook('publish', 'namespaces = ["chat", "kept"]')}
${hook('rpc', 'headers = ["X-Tenant"]')}
${hook('refresh')}
${hook('sub_refresh')}
`);
    gateway = await startGateway({ dev: false, flags: ['--shards', '2', '--config', config] });
  });
  after(async () => {
    await gateway?.stop();
    app.stop();
  });
  beforeEach(() => {
    app.asked = [];
    app.says = { '/connect': () => ({ result: { user: '42' } }) };
  });

  function client(t, options = {}) {
    class WithHead extends WebSocket {
      constructor(url, protocols) {
        super(url, protocols, { headers: { Cookie: 'session=7', 'X-Tenant': 'acme', 'X-Secret': 'not for the application' } });
      }
    }
    const made = new Centrifuge(gateway.socketUrl, { websocket: WithHead, minReconnectDelay: 50, maxReconnectDelay: 200, ...options });
    t.after(() => made.disconnect());
    return made;
  }

  async function connected(t, options) {
    const made = client(t, options);
    made.connect();
    await made.ready(readyLimitMs);
    return made;
  }

  async function subscribed(made, channel, options) {
    const to = made.newSubscription(channel, options);
    to.subscribe();
    await to.ready(readyLimitMs);
    return to;
  }

  test('says who a client is, by its cookie', limit, async (t) => {
    app.says['/connect'] = () => ({ result: { user: '42', data: { hello: 'you' }, channels: ['open:a'] } });
    const made = client(t, { data: { from: 'page' }, name: 'js', version: '5' });
    const hears = keepEvents(made, 'connected');
    const has = keepEvents(made, 'subscribed');
    made.connect();
    const context = await hears.next();
    assert.deepEqual(context.data, { hello: 'you' });
    assert.equal((await has.next()).channel, 'open:a');
    const [{ body, headers }] = app.of('/connect');
    assert.deepEqual(body, { client: context.client, transport: 'websocket', protocol: 'json', encoding: 'json', name: 'js',
      version: '5', data: { from: 'page' } });
    assert.equal(headers.cookie, 'session=7');
    assert.equal(headers['x-tenant'], 'acme');
    assert.equal(headers['x-key'], 'open-sesame');
    assert.equal(headers['x-secret'], undefined);
  });

  for (const [what, said, code] of [['an error', { error: { code: 1000, message: 'not today' } }, 1000],
    ['a disconnect', { disconnect: { code: 4501, reason: 'go away' } }, 4501], ['nothing', {}, 3507]]) {
    test(`keeps a client out with ${what}`, limit, async (t) => {
      app.says['/connect'] = () => said;
      const made = client(t);
      const ended = keepEvents(made, 'disconnected');
      made.connect();
      assert.equal((await ended.next()).code, code);
    });
  }

  test('decides about a subscription, with data and an end', limit, async (t) => {
    const made = await connected(t);
    app.says['/subscribe'] = () => ({ result: { info: { nick: 'x' }, data: { topic: 'y' } } });
    const channel = freshChannel();
    const to = made.newSubscription(channel, { data: { why: 'so' } });
    const hears = keepEvents(to, 'subscribed');
    to.subscribe();
    assert.deepEqual((await hears.next()).data, { topic: 'y' });
    const [{ body, headers }] = app.of('/subscribe');
    assert.equal(body.user, '42');
    assert.equal(body.channel, channel);
    assert.deepEqual(body.data, { why: 'so' });
    assert.equal(headers.cookie, undefined, 'this proxy has no headers');
    const news = keepEvents(to, 'publication');
    await to.publish({ text: 'hi' });
    const { data, info } = await news.next();
    assert.deepEqual(data, { text: 'hi' });
    assert.deepEqual(info.chanInfo, { nick: 'x' });
  });

  for (const [what, said, code] of [['an error', { error: { code: 1001, message: 'no' } }, 1001], ['nothing', {}, 103]]) {
    test(`refuses a subscription with ${what}`, limit, async (t) => {
      const made = await connected(t);
      app.says['/subscribe'] = () => said;
      const to = made.newSubscription(freshChannel());
      const ended = keepEvents(to, 'unsubscribed');
      to.subscribe();
      assert.equal((await ended.next()).code, code);
    });
  }

  test('is not asked about other namespaces, and not about private channels', limit, async (t) => {
    const made = await connected(t);
    await subscribed(made, 'open:b');
    await made.publish('open:b', 1);
    const to = made.newSubscription('$chat:private');
    const ended = keepEvents(to, 'unsubscribed');
    to.subscribe();
    assert.equal((await ended.next()).code, 103);
    assert.equal(app.of('/subscribe').length + app.of('/publish').length, 0);
  });

  test('sees what is published, changes it, and refuses it', limit, async (t) => {
    const made = await connected(t);
    const channel = freshChannel();
    const to = await subscribed(made, channel);
    const news = keepEvents(to, 'publication');
    app.says['/publish'] = ({ data }) => ({ result: { data: { ...data, seen: true } } });
    await to.publish({ a: 1 });
    assert.deepEqual((await news.next()).data, { a: 1, seen: true });
    app.says['/publish'] = () => ({ error: { code: 1002, message: 'rude' } });
    await assert.rejects(to.publish({ a: 2 }), { code: 1002, message: 'rude' });
    app.says['/publish'] = () => ({ result: {} });
    await to.publish({ a: 3 });
    assert.deepEqual((await news.next()).data, { a: 3 });
  });

  test('answers RPCs, in the order in which they were asked', limit, async (t) => {
    const made = await connected(t);
    app.says['/rpc'] = async ({ method, data }) => {
      if (method !== 'add') return { error: { code: 104, message: 'method not found' } };
      if (data[0] === 1) await new Promise((resolve) => { setTimeout(resolve, 50); }); // the first is the slowest
      return { result: { data: data[0] + data[1] } };
    };
    const answers = [];
    await Promise.all([1, 2, 3].map(async (n) => answers.push((await made.rpc('add', [n, n])).data)));
    assert.deepEqual(answers, [2, 4, 6]);
    await assert.rejects(made.rpc('sub', []), { code: 104 });
    assert.equal(app.of('/rpc')[0].headers['x-tenant'], 'acme');
    assert.equal(app.of('/rpc')[0].headers.cookie, undefined);
  });

  test('lets a connection stay when its time is over, and then no longer', limit, async (t) => {
    let refreshes = 0;
    app.says['/connect'] = () => ({ result: { user: '42', expire_at: inSeconds(1), meta: { plan: 'free' } } });
    app.says['/refresh'] = () => (++refreshes < 2 ? { result: { expire_at: inSeconds(1) } } : { result: { expired: true } });
    const made = client(t);
    const hears = keepEvents(made, 'connected');
    const goes = keepEvents(made, 'connecting');
    made.connect();
    await hears.next();
    await goes.next();
    app.says['/connect'] = () => ({ result: { user: '42' } });
    assert.equal((await goes.next()).code, 3005);
    assert.equal(refreshes, 2);
    assert.deepEqual(app.of('/refresh')[0].body.meta, { plan: 'free' });
  });

  test('lets a subscription stay when its time is over, and then no longer', limit, async (t) => {
    let refreshes = 0;
    app.says['/subscribe'] = () => ({ result: { expire_at: inSeconds(1) } });
    app.says['/sub_refresh'] = () => (++refreshes < 2 ? { result: { expire_at: inSeconds(1) } } : { result: { expired: true } });
    const made = await connected(t);
    const to = await subscribed(made, freshChannel());
    const again = keepEvents(to, 'subscribing');
    app.says['/subscribe'] = () => ({ result: {} });
    assert.equal((await again.next()).code, 2501);
    assert.equal(refreshes, 2);
    await to.ready(readyLimitMs);
  });

  test('is told what a browser could not say in its request, if it wants that', limit, async (t) => {
    await connected(t, { headers: { Authorization: 'Bearer 1', 'X-Tenant': 'mine', 'X-Key': 'stolen', Cookie: 'session=1' } });
    const [{ headers }] = app.of('/connect');
    assert.equal(headers.authorization, 'Bearer 1');
    assert.equal(headers['x-tenant'], 'acme'); // the request has one
    assert.equal(headers['x-key'], 'open-sesame');
    assert.equal(headers.cookie, 'session=7');
  });

  test('says how one subscription differs, and what else a publication has', limit, async (t) => {
    const channel = freshChannel().replace('chat:', 'kept:');
    const made = await connected(t);
    app.says['/subscribe'] = () => ({ result: { override: { presence: { value: false }, force_recovery: { value: true } } } });
    const to = made.newSubscription(channel);
    const told = keepEvents(to, 'subscribed');
    const heard = keepEvents(to, 'publication');
    to.subscribe();
    const context = await told.next();
    assert.ok(context.recoverable && context.positioned);
    assert.deepEqual((await to.presenceStats()).numClients, 0);
    const answers = [{ tags: { lang: 'en' }, idempotency_key: 'one' }, { idempotency_key: 'one' }, { b64data: 'Mg==' }, { skip_history: true }];
    app.says['/publish'] = () => ({ result: answers.shift() });
    for (let i = 0; i < 4; ++i) await to.publish(1);
    const [first, second, third] = [await heard.next(), await heard.next(), await heard.next()];
    assert.deepEqual([first.data, first.offset, first.tags], [1, 1, { lang: 'en' }]);
    assert.deepEqual([second.data, second.offset, second.tags], [2, 2, undefined]);
    assert.deepEqual([third.data, third.offset], [1, undefined]);
    assert.equal((await to.history({ limit: 10 })).publications.length, 2);
    app.says['/publish'] = () => ({ result: { tags: { a: 1 } } });
    await assert.rejects(to.publish(1), { code: 100 });
  });

  const faults = {
    'hangs': () => new Promise(() => {}),
    'resets': (_, response) => { response.socket.destroy(); },
    'answers garbage': (_, response) => { response.end('<html>'); },
    'answers 500': (_, response) => { response.writeHead(500).end('{}'); },
    'answers ten megabytes': (_, response) => { response.end(' '.repeat(10 * 1024 * 1024)); },
    'answers a byte now and then': (_, response) => {
      const drip = setInterval(() => response.write(' '), 100);
      response.on('close', () => clearInterval(drip));
    },
  };
  for (const [what, fault] of Object.entries(faults)) {
    test(`fails alone when it ${what}, and is well again`, limit, async (t) => {
      const made = await connected(t);
      const other = await connected(t);
      app.says['/rpc'] = fault;
      const failed = assert.rejects(made.rpc('x', 1), { code: 100 });
      await subscribed(other, 'open:c'); // asks nobody
      await other.publish('open:c', 1);
      await subscribed(other, freshChannel()); // asks another hook
      await failed;
      delete app.says['/rpc'];
      assert.equal((await made.rpc('x', 1)).data, undefined);
    });
  }
});
