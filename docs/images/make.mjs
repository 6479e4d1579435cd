// Makes the pictures of the admin page in this folder anew, out of a gateway with a few hundred clients and the chatter of an
// application, in a real Chromium. It takes two minutes, for the page draws the last two.
//   GATEWAY_BINARY=build/release/app/carillon node docs/images/make.mjs [FOLDER]
// CHROMIUM names another browser binary. Who has run ./test.sh has the packages.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startGateway } from '../../tests/node/gateway.mjs';

const require = createRequire(new URL('../../tests/node/package.json', import.meta.url));
const { Centrifuge } = require('centrifuge');
const { chromium } = require('playwright-core');
const jwt = require('jsonwebtoken');
const WebSocket = require('ws');

const folder = process.argv[2] ?? fileURLToPath(new URL('.', import.meta.url));
const clientsMax = 400;
const width = 1260;
const heightMax = 640;
const pictureBytesMax = 150_000;
const tickMs = 250;
const ticks = 4 * 124; // 60 samples of the page, one every 2 s, and a little
const key = 'an-api-key';
const secret = 'a secret of these pictures, of 32 bytes and more';
const password = 'correct horse battery';
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

const scratch = mkdtempSync(join(tmpdir(), 'carillon-images-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const configuration = join(scratch, 'carillon.toml');
writeFileSync(configuration, `
shards = 1
connections_max = 10000
api_key = "${key}"
admin_password = "${password}"
token_hmac_secret = "${secret}"

[[namespace]]
name = "chat"
subscribe = ["client"]
history_size = 100
history_ttl_s = 3600
recovery = "stream"
presence = true

[[namespace]]
name = "orders"
subscribe = ["client"]
history_size = 20
history_ttl_s = 86400
recovery = "stream"

[[namespace]]
name = "prices"
subscribe = ["client"]
history_size = 1
recovery = "cache"
`);

const rooms = ['chat:lobby', 'chat:support', 'chat:night-shift', 'chat:kitchen'];
const prices = ['prices:copper', 'prices:tin', 'prices:bronze'];
const lines = [
  ['ann', 'Who has the keys to the tower?'],
  ['bert', 'On the hook behind the door.'],
  ['cleo', 'Order 1042 is packed and on its way.'],
  ['ann', 'Thank you. Ringing at noon, then.'],
  ['dora', 'The large bell, or all of them?'],
  ['bert', 'All 49. It is market day.'],
  ['cleo', 'Order 1043 waits for its payment.'],
  ['ann', 'Noted. See you up there.'],
];

const gateway = await startGateway({ dev: false, flags: ['--config', configuration] });
const clients = [];
let order = 1000;
const publish = (channel, data) => gateway.api('publish', { channel, data }, key).catch(() => {}); // one less changes no picture

async function client() {
  const n = clients.length;
  const made = new Centrifuge(gateway.socketUrl, { websocket: WebSocket, token: jwt.sign({ sub: `${1000 + Math.floor(n / 1.3)}` }, secret) });
  clients.push(made);
  const channels = [rooms[n % 7 < 4 ? n % 7 : 0], prices[n % 3], `orders:${1000 + n}`];
  const subscriptions = channels.map((channel) => made.newSubscription(channel));
  for (const each of subscriptions) each.subscribe();
  made.connect();
  await Promise.all(subscriptions.map((each) => each.ready()));
}

/** What happens in a quarter of a second: now more, now less. */
async function chatter(tick) {
  const wave = 0.6 + 0.4 * Math.sin(tick / 40) + 0.25 * Math.sin(tick / 7);
  const all = [];
  for (const each of prices) if (Math.random() < wave) all.push(publish(each, { price: Math.round(9000 + 400 * Math.sin(tick / 30)) / 100 }));
  for (let n = Math.round(4 * wave * Math.random()); n > 0; --n) all.push(publish(`orders:${1000 + order++ % clientsMax}`, { state: 'packed' }));
  if (tick % 12 === 0) {
    const [from, text] = lines[tick / 12 % lines.length];
    all.push(publish(rooms[0], { from, text }));
  }
  if (tick % 5 === 0 && clients.length < clientsMax) all.push(...Array.from({ length: Math.ceil(2 + 3 * Math.random()) }, client));
  if (tick % 90 === 89) {
    for (const each of clients.slice(0, 12)) {
      each.disconnect();
      all.push(once(each, 'disconnected').then(() => each.connect()));
    }
  }
  await Promise.all(all);
}
const once = (emitter, name) => (emitter.state === name ? Promise.resolve() : new Promise((resolve) => emitter.once(name, resolve)));

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
try {
  while (clients.length < clientsMax * 0.6) await client();
  const pages = await Promise.all(['light', 'dark'].map(async (colorScheme) => {
    const page = await browser.newPage({ viewport: { width, height: heightMax }, colorScheme, reducedMotion: 'reduce' });
    // What the machine is called that makes the pictures is nobody's business.
    await page.addInitScript(() => {
      const asBefore = window.fetch;
      window.fetch = async (url, options) => {
        const answer = await asBefore(url, options);
        if (url !== '/admin/api/info' || !answer.ok) return answer;
        const body = await answer.json();
        for (const node of body.result?.nodes ?? []) node.name = 'gateway-1';
        return Response.json(body);
      };
    });
    await page.goto(`http://127.0.0.1:${gateway.ports.control}/admin`);
    await page.fill('#password', password);
    await page.press('#password', 'Enter');
    await page.waitForSelector('#page:not([hidden])');
    return [colorScheme, page];
  }));
  for (let tick = 1; tick <= ticks; ++tick) await Promise.all([chatter(tick), pause(tickMs)]);
  for (const [colorScheme, page] of pages) {
    const take = async (name) => {
      const path = join(folder, `${name}-${colorScheme}.png`);
      const height = await page.evaluate(() => Math.ceil(document.querySelector('#main').getBoundingClientRect().bottom));
      await page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width, height: Math.min(height, heightMax) } });
      if (statSync(path).size > pictureBytesMax) throw new Error(`${path} has ${statSync(path).size} bytes`);
    };
    await take('admin');
    await page.goto(`${page.url().split('#')[0]}#channel=${encodeURIComponent(rooms[0])}`);
    await page.waitForFunction(() => document.querySelector('#watch-note').textContent.startsWith('Live'));
    await take('admin-channel');
  }
} finally {
  await browser.close();
  for (const each of clients) each.disconnect();
  await gateway.stop();
}
