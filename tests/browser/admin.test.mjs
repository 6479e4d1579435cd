// The admin page in a real browser. CHROMIUM names another browser binary; SCREENSHOTS a folder for pictures of it.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startGateway } from '../node/gateway.mjs';

const require = createRequire(new URL('../node/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const { Centrifuge } = require('centrifuge');
const WebSocket = require('ws');

const suite = { timeout: 240_000 };
const limit = { timeout: 60_000 };
const password = 'correct horse battery';
const key = 'an-api-key';
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

let browser;
let gateway;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
  gateway = await startGateway({ flags: ['--admin-password', password, '--api-key', key] });
}, limit);
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const site = () => `http://127.0.0.1:${gateway.ports.control}`;
const call = (what, headers = {}, body = '{}', method = 'POST') => fetch(`${site()}/admin/api/${what}`,
  { method, headers: { 'X-Carillon-Admin': '1', ...headers }, body });

async function open(t, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 860 }, reducedMotion: 'reduce', ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.troubles = [];
  page.on('pageerror', (error) => page.troubles.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(site())) page.troubles.push(`asked for ${request.url()}`);
  });
  await page.goto(`${site()}/admin`);
  return page;
}

async function logIn(t, options) {
  const page = await open(t, options);
  await page.fill('#password', password);
  await page.press('#password', 'Enter');
  await page.waitForSelector('#page:not([hidden])');
  return page;
}

const says = (page, selector, text) => page.waitForFunction(
  ([path, expected]) => document.querySelector(path)?.textContent.includes(expected), [selector, text]);
const picture = (page, name) => process.env.SCREENSHOTS && page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });

/** A client that is subscribed to `channel`. */
async function listener(t, channel) {
  const client = new Centrifuge(gateway.socketUrl, { websocket: WebSocket });
  t.after(() => client.disconnect());
  const subscription = client.newSubscription(channel);
  const heard = [];
  subscription.on('publication', ({ data }) => heard.push(data));
  subscription.subscribe();
  client.connect();
  await subscription.ready();
  return { client, heard };
}

describe('the admin page', suite, () => {
  for (const [name, headers, status] of [
    ['without a login', {}, 401],
    ['with a made-up cookie', { Cookie: 'carillon_admin=00' }, 401],
  ]) {
    test(`tells nothing ${name}`, limit, async () => {
      for (const what of ['info', 'metrics', 'configuration', 'publish', 'logout']) assert.equal((await call(what, headers)).status, status);
    });
  }

  test('knows only metrics that there are', () => {
    const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
    const metrics = new Set(read('lib/control/pages/admin.js').match(/carillon_\w+|process_\w+/g));
    metrics.delete('carillon_admin');
    const known = read('docs/operations.md');
    assert.ok(metrics.size > 10);
    assert.deepEqual([...metrics].filter((each) => !known.includes(each)), []);
  });

  test('is asked by itself only, and with POST only', limit, async () => {
    const foreign = await fetch(`${site()}/admin/api/login`, { method: 'POST', body: password });
    assert.equal(foreign.status, 403);
    assert.equal((await fetch(`${site()}/admin/api/info`)).status, 405);
    assert.equal((await fetch(`${gateway.url}/admin`)).status, 404);
  });

  test('has a cookie that scripts cannot read and other sites do not send', limit, async () => {
    const answer = await call('login', {}, password);
    const cookie = answer.headers.get('set-cookie');
    assert.match(cookie, /^carillon_admin=[0-9a-f]{64}; Path=\/admin; Max-Age=28800; HttpOnly; SameSite=Strict$/);
    const mine = { Cookie: `a=b; ${cookie.split(';')[0]}` };
    assert.equal((await call('info', mine)).status, 200);
    assert.equal((await call('rpc', mine)).status, 404);
    assert.equal((await call('publish', mine, '[')).status, 400);
    assert.equal((await call('logout', mine)).status, 200);
    assert.equal((await call('info', mine)).status, 401);
  });

  test('shows what there is, and acts', limit, async (t) => {
    const { heard, client } = await listener(t, 'chat:lobby');
    const page = await logIn(t);
    await says(page, '#state', 'Ready');
    await says(page, '#tiles', 'Connections1of ');
    await says(page, '#tiles', 'CPU');
    await picture(page, 'overview');

    await page.click('nav a[href="#channels"]');
    await says(page, '#channel-rows', 'chat:lobby');
    await picture(page, 'channels');
    await page.click('#channel-rows a');
    await says(page, '#watch-note', 'keeps nothing');
    await page.fill('#data', '{"big":12345678901234567890}');
    await page.click('#publish-form button');
    await says(page, '#publish-note', '1 connection got it');
    assert.equal(heard.length, 1);

    await page.click('nav a[href="#users"]');
    await page.fill('#user', 'nobody');
    await page.click('#disconnect-form button');
    await says(page, '#disconnect-note', 'nobody');

    await page.click('nav a[href="#configuration"]');
    await page.fill('#filter', 'password');
    await says(page, '#option-rows', 'admin_password');
    const all = await page.textContent('#configuration');
    assert.ok(!all.includes(password) && all.includes('(set)'));
    assert.deepEqual(page.troubles, []);
    client.disconnect();
    await page.click('#logout');
    await page.waitForSelector('#login:not([hidden])');
  });

  test('can be used with keys alone, on a phone and in the dark', limit, async (t) => {
    const page = await logIn(t, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
    await says(page, '#tiles', 'Memory');
    const widest = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(widest <= 360, `${widest} pixels wide`);
    await picture(page, 'phone');
    await page.focus('nav a[href="#channels"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#channels:not([hidden])');
    assert.equal(await page.getAttribute('nav a[href="#channels"]', 'aria-current'), 'page');
    await page.focus('#skip');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement.id === 'main');
    assert.ok(await page.isVisible('#channels'));
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'pattern');
  });

  // The last one: no password is looked at for a while afterwards.
  test('takes a few wrong passwords, and then none for a while', limit, async (t) => {
    const page = await open(t);
    await page.fill('#password', 'wrong');
    await page.press('#password', 'Enter');
    await says(page, '#login-error', 'not the password');
    let answer;
    for (let i = 0; i < 20 && answer?.status !== 429; ++i) answer = await call('login', {}, 'wrong');
    assert.equal(answer.status, 429);
    assert.ok(gateway.log.includes('admin page: a wrong password'));
    assert.ok(!gateway.log.includes(password));
  });
});

describe('the admin page of a channel with a history, behind a proxy', suite, () => {
  test('shows publications as they come, with no password', limit, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-admin-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'carillon.toml'), 'admin_behind_proxy = true\n[[namespace]]\nname = "news"\nsubscribe = ["anonymous"]\nhistory_size = 10\n');
    const password_gateway = gateway;
    gateway = await startGateway({ flags: ['--config', join(folder, 'carillon.toml'), '--api-key', key] });
    t.after(async () => {
      await gateway.stop();
      gateway = password_gateway;
    });
    for (const data of ['one', 'two']) await gateway.api('publish', { channel: 'news:today', data }, key);
    const page = await open(t);
    await page.waitForSelector('#page:not([hidden])');
    await page.goto(`${site()}/admin#channel=news%3Atoday`);
    await says(page, '#publications li:first-child', 'two');
    await gateway.api('publish', { channel: 'news:today', data: '<b>three</b>' }, key);
    await says(page, '#publications li:first-child', '<b>three</b>');
    await picture(page, 'channel');
    assert.equal(await page.locator('#publications li').count(), 3);
    assert.deepEqual(page.troubles, []);
  });
});
