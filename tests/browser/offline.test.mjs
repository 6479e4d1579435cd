// A page whose network goes away while mail comes. CHROMIUM names another browser binary; SCREENSHOTS a folder for
// pictures of it, which are taken with OFFLINE_MS milliseconds between the two moments.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startGateway } from '../node/gateway.mjs';

const require = createRequire(new URL('../node/package.json', import.meta.url));
const { chromium } = require('playwright-core');

const suite = { timeout: 240_000 };
const limit = { timeout: 120_000 };
const apiKey = 'open-sesame';
const kept = 60;
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

const folder = mkdtempSync(join(tmpdir(), 'carillon-offline-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
[[namespace]]
name = "mail"
subscribe = ["anonymous"]
history_size = ${kept}
history_ttl_s = 600
recovery = "stream"
`);

describe('a page whose network goes away', suite, () => {
  let browser, gateway;
  before(async () => {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
    gateway = await startGateway({ flags: ['--config', configuration] });
  });
  after(async () => {
    await browser?.close();
    await gateway?.stop();
  });

  async function open(t, user) {
    const context = await browser.newContext({ viewport: { width: 1180, height: 860 }, reducedMotion: 'reduce' });
    t.after(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(`${gateway.url}/?user=${user}`);
    await page.waitForSelector('#line[data-state="connected"]');
    const picture = (name) => process.env.SCREENSHOTS && page.screenshot({ path: join(process.env.SCREENSHOTS, `${user}-${name}.png`) });
    const subjects = async () => (await page.locator('#mails .subject').allTextContents()).map(Number).reverse();
    const newest = (n) => page.waitForFunction((expected) => document.querySelector('#mails .subject')?.textContent === expected, String(n));
    const detail = () => page.textContent('#detail');
    const away = async () => {
      await context.setOffline(true);
      await page.waitForSelector('#line[data-state="waiting"]');
    };
    const back = async () => {
      await context.setOffline(false);
      await page.waitForSelector('#line[data-state="connected"]');
    };
    return { picture, subjects, newest, detail, away, back };
  }

  const publish = async (user, from, to) => {
    for (let n = from; n <= to; ++n) {
      const { result } = await gateway.api('publish', { channel: `mail:${user}`, data: { from: 'bob', subject: String(n) } }, apiKey);
      assert.ok(result);
    }
  };
  const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

  test('shows all that came meanwhile, in order', limit, async (t) => {
    const page = await open(t, 'ann');
    await publish('ann', 1, 3);
    await page.newest(3);
    await page.picture('1-before');
    await page.away();
    await publish('ann', 4, 53);
    if (process.env.OFFLINE_MS) await pause(Number(process.env.OFFLINE_MS));
    await page.picture('2-offline');
    assert.deepEqual(await page.subjects(), numbers(1, 3));
    await page.back();
    assert.deepEqual(await page.subjects(), numbers(1, 53));
    assert.equal(await page.detail(), '50 came meanwhile');
    await page.picture('3-back');
    await publish('ann', 54, 54);
    await page.newest(54);
    assert.deepEqual(await page.subjects(), numbers(1, 54));
  });

  test('says so when more came than is kept', limit, async (t) => {
    const page = await open(t, 'eve');
    await publish('eve', 1, 2);
    await page.newest(2);
    await page.away();
    await publish('eve', 3, 3 + kept);
    await page.back();
    assert.equal(await page.detail(), 'some mail is no longer kept');
    await publish('eve', 100, 100);
    await page.newest(100);
  });
});
