// The demo page in a real browser, with a gateway behind it. CHROMIUM names another browser binary.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { startGateway } from '../node/gateway.mjs';

// The packages of all Node tests live in tests/node.
const require = createRequire(new URL('../node/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const { createClient } = require('redis');

const suite = { timeout: 240_000 };
const limit = { timeout: 60_000 };
const stepLimitMs = 30_000;
const mailsMax = 200;
const desktop = { width: 1180, height: 860 };
const phone = { width: 375, height: 812 };

// Offline by command line: the browser is to talk to the gateway and to nobody else.
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
}, limit);
after(() => browser?.close());

/**
 * The page of `user`, with everything that went wrong in it in `page.troubles`.
 * `prepare(page)` runs before the page is loaded.
 */
async function openPage(t, gateway, { user, prepare, ...options } = {}) {
  const context = await browser.newContext({ viewport: desktop, reducedMotion: 'reduce', ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(stepLimitMs);
  page.troubles = [];
  page.on('pageerror', (error) => page.troubles.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.troubles.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(gateway.url)) page.troubles.push(`asked for ${request.url()}`);
  });
  await prepare?.(page);
  const answer = await page.goto(user === undefined ? gateway.url : `${gateway.url}/?user=${encodeURIComponent(user)}`);
  assert.equal(answer.status(), 200);
  return page;
}

const state = (page, name) => page.waitForSelector(`#line[data-state="${name}"]`);

async function openConnected(t, gateway, options) {
  const page = await openPage(t, gateway, options);
  await state(page, 'connected');
  return page;
}

/** Waits until the newest mail has `text` in its element `selector` (`.from`, `.subject`, `.text`, `.json`). */
const newest = (page, selector, text) => page.waitForFunction(
  ([path, expected]) => document.querySelector(path)?.textContent === expected,
  [`#mails > li:first-child ${selector}`, text],
);

const title = (page, text) => page.waitForFunction((expected) => document.title === expected, text);

describe('the demo page', suite, () => {
  let gateway;
  before(async () => { gateway = await startGateway(); });
  after(() => gateway?.stop());

  test('a mail published by redis-cli appears', limit, async (t) => {
    const page = await openConnected(t, gateway);
    assert.equal(await page.textContent('h1'), 'Mail for demo');
    assert.equal(await page.textContent('#state'), 'Connected');
    assert.equal(await gateway.redisCli('PUBLISH', 'mail:demo', '{"from":"bob","subject":"hi"}'), '1');
    await newest(page, '.from', 'bob');
    await newest(page, '.subject', 'hi');
    assert.equal(await page.textContent('#count'), '1 message');
    await page.waitForFunction(() => document.getElementById('news').textContent === 'New mail from bob: hi');
    assert.deepEqual(page.troubles, []);
  });

  const payloads = [
    ['a plain string', 'no JSON at all', '.text', 'no JSON at all'],
    ['an array', '[1,{"two":null}]', '.json', '[1,{"two":null}]'],
    ['a number', '42', '.json', '42'],
    ['null', 'null', '.json', 'null'],
    ['a field that the page does not know', '{"subject":"s","uid":48213}', '.others dd', '48213'],
    ['a body', '{"subject":"s","body":"words"}', '.text', 'words'],
    ['a sender that is no string', '{"from":{"id":7}}', '.from', '{"id":7}'],
    ['markup in the subject', '{"subject":"<b>bold</b>"}', '.subject', '<b>bold</b>'],
    ['markup in the sender', '{"from":"<img src=x onerror=alert(1)>"}', '.from', '<img src=x onerror=alert(1)>'],
    ['markup in a field', '{"x":"<script>alert(1)</script>"}', '.others dd', '<script>alert(1)</script>'],
    ['markup without JSON', '<b>bold</b>', '.text', '<b>bold</b>'],
  ];
  test('payloads of any shape are shown as text', limit, async (t) => {
    const page = await openConnected(t, gateway, { user: 'shapes' });
    for (const [name, payload, selector, expected] of payloads) {
      assert.equal(await gateway.redisCli('PUBLISH', 'mail:shapes', payload), '1', name);
      await newest(page, selector, expected);
    }
    assert.equal(await page.locator('#mails > li').count(), payloads.length);
    assert.equal(await page.locator('#mails :is(b, img, script)').count(), 0);
    assert.deepEqual(page.troubles, []);
  });

  test('the form publishes to the own mailbox', limit, async (t) => {
    const page = await openConnected(t, gateway, { user: 'writer' });
    await page.fill('#subject', 'note to self');
    await page.fill('#text', 'first line\nsecond <b>line</b>');
    await page.click('#compose button');
    await newest(page, '.subject', 'note to self');
    await newest(page, '.from', 'writer');
    await newest(page, '.text', 'first line\nsecond <b>line</b>');
    await page.waitForFunction(() => document.getElementById('sent').textContent === 'Sent to writer.');
    assert.equal(await page.inputValue('#subject'), '');
    assert.deepEqual(page.troubles, []);
  });

  test('the form publishes to somebody else', limit, async (t) => {
    const receiver = await openConnected(t, gateway, { user: 'receiver' });
    const sender = await openConnected(t, gateway, { user: 'sender' });
    await sender.fill('#to', 'receiver');
    await sender.fill('#subject', 'across');
    await sender.press('#subject', 'Enter');
    await newest(receiver, '.from', 'sender');
    await newest(receiver, '.subject', 'across');
    assert.equal(await sender.locator('#mails > li').count(), 0);
    assert.deepEqual([...receiver.troubles, ...sender.troubles], []);
  });

  test('another mailbox is opened from the page', limit, async (t) => {
    const page = await openConnected(t, gateway);
    await page.fill('#user', "o'brien");
    await Promise.all([page.waitForURL((url) => url.searchParams.get('user') === "o'brien"), page.press('#user', 'Enter')]);
    await state(page, 'connected');
    assert.equal(await page.textContent('#owner'), "o'brien");
    assert.equal(await page.textContent('#command'),
      `redis-cli -p 6390 PUBLISH 'mail:o'\\''brien' '{"from":"bob","subject":"hi"}'`);
    assert.equal(await gateway.redisCli('PUBLISH', "mail:o'brien", 'for you'), '1');
    await newest(page, '.text', 'for you');
    assert.deepEqual(page.troubles, []);
  });

  test('the command can be copied', limit, async (t) => {
    const page = await openConnected(t, gateway, { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.click('#copy');
    await page.waitForFunction(() => document.getElementById('copy').textContent === 'Copied');
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()),
      `redis-cli -p 6390 PUBLISH mail:demo '{"from":"bob","subject":"hi"}'`);
    assert.deepEqual(page.troubles, []);
  });

  test('the title counts what arrived while nobody looked', limit, async (t) => {
    const page = await openConnected(t, gateway, { user: 'away' });
    const look = (hidden) => page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    await look(true);
    await gateway.redisCli('PUBLISH', 'mail:away', 'one');
    await gateway.redisCli('PUBLISH', 'mail:away', 'two');
    await title(page, '(2) away · Carillon');
    assert.equal(await page.locator('.unread').count(), 2);
    await look(false);
    await title(page, 'away · Carillon');
    assert.equal(await page.locator('.unread').count(), 0);
    assert.deepEqual(page.troubles, []);
  });

  test('the page keeps the newest mails and lets go of the oldest', limit, async (t) => {
    const page = await openConnected(t, gateway, { user: 'flood' });
    const publisher = createClient({ socket: { host: '127.0.0.1', port: gateway.ports.bus }, RESP: 2, disableClientInfo: true });
    publisher.on('error', () => {});
    t.after(() => publisher.destroy());
    await publisher.connect();
    const numbers = Array.from({ length: mailsMax + 5 }, (_, index) => `number ${index + 1}`);
    await Promise.all(numbers.map((number) => publisher.publish('mail:flood', number)));
    await newest(page, '.text', `number ${mailsMax + 5}`);
    assert.equal(await page.locator('#mails > li').count(), mailsMax);
    assert.equal(await page.textContent('#mails > li:last-child .text'), 'number 6');
    assert.equal(await page.textContent('#count'), `the last ${mailsMax}`);
    assert.deepEqual(page.troubles, []);
  });

  test('a subscription that the gateway refuses is shown with its reason', limit, async (t) => {
    const page = await openPage(t, gateway, { user: 'x'.repeat(300) });
    await state(page, 'refused');
    assert.match(await page.textContent('#state'), /^Refused: .+ \(107\)$/);
    assert.ok(await page.isVisible('#retry'));
    assert.deepEqual(page.troubles, []);
  });

  test('light and dark are two different pictures', limit, async (t) => {
    const pictures = [];
    for (const colorScheme of ['light', 'dark']) {
      const page = await openConnected(t, gateway, { colorScheme });
      const picture = await page.screenshot();
      assert.deepEqual([...picture.subarray(1, 4)], [...Buffer.from('PNG')]);
      assert.ok(picture.length > 5_000, `${colorScheme}: ${picture.length} bytes`);
      const [red] = (await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).match(/\d+/g);
      assert.equal(Number(red) < 128, colorScheme === 'dark');
      pictures.push(picture);
      assert.deepEqual(page.troubles, []);
    }
    assert.ok(!pictures[0].equals(pictures[1]));
  });

  test('on a phone nothing is wider than the screen', limit, async (t) => {
    const page = await openConnected(t, gateway, { user: 'phone', viewport: phone, isMobile: true });
    await page.click('summary');
    await gateway.redisCli('PUBLISH', 'mail:phone', JSON.stringify({ from: 'f'.repeat(300), subject: 's'.repeat(300), x: 'x'.repeat(300) }));
    await newest(page, '.subject', 's'.repeat(300));
    assert.ok(await page.isVisible('#subject'));
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    assert.deepEqual(page.troubles, []);
  });
});

describe('the demo page and a gateway that goes away', suite, () => {
  for (const [name, end] of [['killed', (gateway) => gateway.kill()], ['stopped', (gateway) => gateway.stop()]]) {
    test(`it comes back by itself after the gateway was ${name} and restarted`, limit, async (t) => {
      const first = await startGateway();
      t.after(() => first.kill());
      const page = await openConnected(t, first);
      await first.redisCli('PUBLISH', 'mail:demo', 'before');
      await newest(page, '.text', 'before');
      assert.deepEqual(page.troubles, []);

      await end(first);
      await state(page, 'waiting');
      await page.waitForFunction(() => /^in \d+ s \(.+\)$/.test(document.getElementById('detail').textContent));
      await page.fill('#subject', 'nobody hears this');
      await page.click('#compose button');
      await page.waitForFunction(() => document.getElementById('sent').textContent === 'Not sent: not connected.');
      assert.equal(await page.inputValue('#subject'), 'nobody hears this');

      const second = await startGateway({ ports: first.ports });
      t.after(() => second.stop());
      await state(page, 'connected');
      assert.equal(await second.redisCli('PUBLISH', 'mail:demo', 'after'), '1');
      await newest(page, '.text', 'after');
      assert.equal(await page.locator('#mails > li').count(), 2);
      // While the gateway is away the browser itself reports each refused attempt; nothing else may go wrong.
      assert.deepEqual(page.troubles.filter((trouble) => !/WebSocket connection .* failed/.test(trouble)), []);
    });
  }

  test('it leaves a gateway that fell silent', limit, async (t) => {
    const gateway = await startGateway();
    t.after(() => gateway.kill());
    const page = await openPage(t, gateway, { prepare: ({ clock }) => clock.install() });
    await state(page, 'connected');
    gateway.pause();
    // Longer than the ping interval of 25 s and the 10 s that a ping may be late.
    await page.clock.fastForward(36_000);
    await state(page, 'waiting');
    assert.match(await page.textContent('#detail'), /no ping/);
    gateway.resume();
    await state(page, 'connected');
    assert.equal(await gateway.redisCli('PUBLISH', 'mail:demo', 'awake'), '1');
    await newest(page, '.text', 'awake');
  });
});

describe('the demo page and the protocol', suite, () => {
  let gateway;
  before(async () => { gateway = await startGateway(); });
  after(() => gateway?.stop());

  /** The page with `answer(socket, command)` in place of the gateway's WebSocket. */
  function openScripted(t, answer) {
    return openPage(t, gateway, {
      prepare: (page) => page.routeWebSocket('**/connection/websocket', (socket) => {
        socket.onMessage((text) => text.split('\n').forEach((line) => answer(socket, JSON.parse(line))));
      }),
    });
  }

  const closes = [
    [3001, 'waiting'], [3012, 'waiting'], [3500, 'refused'], [3999, 'refused'],
    [4000, 'waiting'], [4499, 'waiting'], [4500, 'refused'], [4999, 'refused'], [1009, 'refused'], [1011, 'waiting'],
  ];
  for (const [code, expected] of closes) {
    test(`close code ${code}: ${expected}`, limit, async (t) => {
      const page = await openScripted(t, (socket) => socket.close({ code, reason: 'because' }));
      await state(page, expected);
      assert.match(await page.textContent('#line'), /because/);
    });
  }

  const errors = [
    ['a permanent error', { code: 103, message: 'permission denied' }, 'refused'],
    ['a temporary error', { code: 111, message: 'too many requests', temporary: true }, 'waiting'],
    ['an error of the transport', { code: 1, message: 'timeout' }, 'waiting'],
  ];
  for (const [name, error, expected] of errors) {
    for (const command of ['connect', 'subscribe']) {
      test(`${name} in answer to ${command}: ${expected}`, limit, async (t) => {
        const page = await openScripted(t, (socket, { id, ...request }) => {
          socket.send(JSON.stringify(command in request ? { id, error } : { id, connect: {} }));
        });
        await state(page, expected);
        assert.match(await page.textContent('#line'), new RegExp(error.message));
      });
    }
  }

  test('several replies in one message, and one pong for each ping', limit, async (t) => {
    const pongs = [];
    let connects = 0;
    let pongsTaken;
    const twoPongs = new Promise((resolve) => { pongsTaken = resolve; });
    const page = await openScripted(t, (socket, { id, connect, subscribe }) => {
      if (connect) {
        connects += 1;
        socket.send(`{"id":${id},"connect":{"client":"c","ping":25,"pong":true}}\n{}\n`);
      } else if (subscribe) {
        socket.send(`{"id":${id},"subscribe":{}}\n{"push":{"channel":"mail:demo","pub":{"data":"hi"}}}\n{}`);
      } else if (pongs.push(id) === 2) {
        pongsTaken();
      }
    });
    await newest(page, '.text', 'hi');
    await state(page, 'connected');
    await twoPongs;
    assert.deepEqual(pongs, [undefined, undefined]);
    assert.equal(connects, 1);
    assert.deepEqual(page.troubles, []);
  });
});
