// A page whose network lets no WebSocket through: a real browser with the unmodified SDK behind a real nginx that is in its way.
// CHROMIUM names another browser binary.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { keepNamedEvents, startGateway } from '../node/gateway.mjs';
import { host, nginxWith, startProxy } from '../node/proxy.mjs';

const require = createRequire(new URL('../node/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const jwt = require('jsonwebtoken');
const sdk = fileURLToPath(new URL('../node/node_modules/centrifuge/dist/centrifuge.js', import.meta.url));

const suite = { timeout: 240_000 };
const limit = { timeout: 60_000 };
const secret = 'a secret of these tests, of 32 bytes and more';
const apiKey = 'open-sesame';
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

const folder = mkdtempSync(join(tmpdir(), 'carillon-fallback-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
token_hmac_secret = "${secret}"
allowed_origins = ["http://127.0.0.1:*"]
[[namespace]]
subscribe = ["client"]
publish = ["client"]
history_size = 100
recovery = "stream"
`);

/** An nginx with `inTheWay` for /connection/; that it buffers is its default, and said here because it matters. */
const nginx = (name, inTheWay, more = '') => ({
  name,
  ...nginxWith((port, gateway) => `
  server {
    listen ${host}:${port};
    proxy_http_version 1.1;
    proxy_buffering on;
    proxy_set_header Host $http_host;
    proxy_next_upstream off;
    location = / { default_type text/html; return 200 '<!doctype html><title>app</title>'; }
    location /emulation { proxy_pass http://${host}:${gateway}; }
    location /connection/ {
      ${inTheWay}
      proxy_pass http://${host}:${gateway};
    }
    ${more}
  }`),
});

const refused = "if ($http_upgrade) { return 403; }";
const networks = [
  [nginx('a proxy that refuses upgrades', refused), 'http_stream', true],
  [nginx('a proxy that knows no upgrades', ''), 'http_stream'],
  [nginx('a proxy that refuses upgrades, and streams of POST', refused, 'location = /connection/http_stream { return 403; }'), 'sse', true],
  [nginx('a proxy that knows no upgrades, and loses streams of POST', '', 'location = /connection/http_stream { return 444; }'), 'sse'],
];

let browser, page, gateway;
let current; // what the page tells, and is told, in the test that runs
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
  page = await browser.newPage();
  page.on('pageerror', (error) => current.tell('pageerror', String(error)));
  await page.exposeFunction('tell', (name, detail) => current.tell(name, detail));
  await page.exposeFunction('getToken', () => {
    current.tell('token');
    return current.second;
  });
  gateway = await startGateway({ dev: false, flags: ['--config', configuration] });
}, limit);
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const token = (user, seconds = 3600) => jwt.sign({ sub: user }, secret, { expiresIn: seconds });
const publish = (channel, data) => gateway.api('publish', { channel, data }, apiKey);
const connectionsOf = async (user) => (await gateway.api('connections', { user }, apiKey)).result.connections;

const leave = () => page.goto('about:blank');

/** How many commands `method` of clients there were. */
async function commands(method) {
  const text = await (await fetch(`http://${host}:${gateway.ports.control}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^carillon_commands_total\\{.*method="${method}".*\\} (\\d+)$`, 'gm'))]
    .reduce((sum, [, value]) => sum + Number(value), 0);
}

/** The page anew, with a client that is told of all three ways, and a subscription; what happens to them is what `any` brings. */
async function open(proxy, { user, first, second = first }) {
  await leave();
  const emitter = new EventTarget();
  const events = keepNamedEvents({ on: (name, take) => emitter.addEventListener(name, ({ detail }) => take(detail)) },
    'connecting', 'connected', 'disconnected', 'error', 'subscribed', 'publication', 'token', 'pageerror');
  current = { second, tell: (name, detail) => void emitter.dispatchEvent(new CustomEvent(name, { detail })) };
  await page.goto(`http://${host}:${proxy.port}/`);
  await page.addScriptTag({ path: sdk });
  await page.evaluate(([channel, token]) => {
    const client = new Centrifuge(
      [['websocket', 'ws:'], ['http_stream', 'http:'], ['sse', 'http:']].map(([transport, scheme]) => (
        { transport, endpoint: `${scheme}//${location.host}/connection/${transport}` })),
      { token, getToken: window.getToken, minReconnectDelay: 20, maxReconnectDelay: 200 });
    for (const name of ['connecting', 'connected', 'disconnected']) {
      client.on(name, ({ code, reason, transport }) => window.tell(name, { code, reason, transport }));
    }
    client.on('error', ({ type, transport }) => window.tell('error', { type, transport }));
    const subscription = client.newSubscription(channel);
    subscription.on('subscribed', ({ recovered }) => window.tell('subscribed', { recovered }));
    subscription.on('publication', ({ data }) => window.tell('publication', data));
    subscription.subscribe();
    client.connect();
    window.say = (data) => subscription.publish(data).then(() => {});
  }, [`of-${user}`, first]);
  const any = async () => {
    const event = await events.next();
    assert.ok(!['disconnected', 'pageerror'].includes(event.name), JSON.stringify(event));
    return event;
  };
  /** What the next event of this name brought; what comes before it does not matter. */
  const next = async (name) => {
    for (;;) {
      const event = await any();
      if (event.name === name) return event.context;
    }
  };
  return { any, next, say: (data) => page.evaluate((each) => window.say(each), data) };
}

let users = 0;
for (const [network, expected, entirely] of networks) {
  describe(network.name, suite, () => {
    let proxy;
    before(async () => { proxy = await startProxy(network, gateway); });
    after(() => proxy?.stop());
    const freshUser = () => `user-${++users}`;

    test(`the SDK comes by ${expected} and hears what it says and what others say`, limit, async () => {
      const user = freshUser();
      const app = await open(proxy, { user, first: token(user) });
      const failed = [];
      for (let event; (event = await app.any()).name !== 'connected';) {
        if (event.name === 'error') failed.push(event.context.transport);
      }
      assert.deepEqual(failed, expected === 'sse' ? ['websocket', 'http_stream'] : ['websocket']);
      await app.next('subscribed');
      assert.deepEqual((await connectionsOf(user)).map(({ transport }) => transport), [expected]);
      await app.say({ n: 1 });
      assert.deepEqual(await app.next('publication'), { n: 1 });
      await publish(`of-${user}`, { n: 2 });
      assert.deepEqual(await app.next('publication'), { n: 2 });
      await leave();
      while ((await connectionsOf(user)).length) await publish('tick', 0); // who closes the page leaves the gateway, too
    });

    if (!entirely) return; // what goes through is the same
    const cuts = [
      ['a proxy that ends', async () => {
        await proxy.cut();
        return () => proxy.back();
      }],
      ['a gateway that says so', async (user) => {
        await gateway.api('disconnect', { user, disconnect: { code: 3011, reason: 'once more' } }, apiKey);
        return () => {};
      }],
    ];
    for (const [name, cut] of cuts) {
      test(`after ${name} it comes back by ${expected} with what it has missed`, limit, async () => {
        const user = freshUser();
        const app = await open(proxy, { user, first: token(user) });
        await app.next('subscribed');
        await publish(`of-${user}`, 0);
        assert.equal(await app.next('publication'), 0);
        const restore = await cut(user);
        const { code, reason } = await app.next('connecting');
        if (code === 3011) assert.equal(reason, 'once more');
        for (let n = 1; n <= 5; ++n) await publish(`of-${user}`, n);
        await restore();
        const heard = [];
        while (heard.length < 5) {
          const event = await app.any();
          if (event.name === 'publication') heard.push(event.context);
          if (event.name === 'connected') assert.equal(event.context.transport, expected);
          if (event.name === 'subscribed') assert.ok(event.context.recovered);
        }
        assert.deepEqual(heard, [1, 2, 3, 4, 5]);
      });
    }

    test(`by ${expected} it shows another token before the end of the first, and stays`, limit, async () => {
      const before = await commands('refresh');
      let user, app;
      // The first must still be good when the page has connected, on a slow machine, too.
      for (let seconds = 2; ; seconds *= 2) {
        user = freshUser();
        app = await open(proxy, { user, first: token(user, seconds), second: token(user) });
        let event;
        do event = await app.any(); while (!['connected', 'token'].includes(event.name));
        if (event.name === 'connected') break;
      }
      await app.next('subscribed');
      const [{ client }] = await connectionsOf(user);
      await app.next('token');
      while (await commands('refresh') === before) await publish('tick', 0);
      await app.say('still here');
      assert.equal(await app.next('publication'), 'still here');
      assert.deepEqual((await connectionsOf(user)).map((each) => each.client), [client]);
    });
  });
}
