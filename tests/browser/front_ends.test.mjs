// The files of docs/guide/front-ends.md in a real browser, with React and Vue as they are published. CHROMIUM names another browser binary.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startGateway } from '../node/gateway.mjs';
import { blocksOf } from '../node/guide_reader.mjs';

const require = createRequire(new URL('../node/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const jwt = require('jsonwebtoken');

const suite = { timeout: 240_000 };
const limit = { timeout: 60_000 };
const secret = 'a secret of these tests, of 32 bytes and more';
const apiKey = 'open-sesame';
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

const folder = mkdtempSync(join(tmpdir(), 'carillon-front-ends-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
token_hmac_secret = "${secret}"
api_key = "${apiKey}"
allowed_origins = ["http://localhost:*"]
[[namespace]]
name = "mail"
subscribe = ["client"]
history_size = 100
recovery = "stream"
`);

const packaged = (path) => readFileSync(new URL(`../node/node_modules/${path}`, import.meta.url), 'utf8');
const filesOfPage = new Map(blocksOf(readFileSync(new URL('../../docs/guide/front-ends.md', import.meta.url), 'utf8'))
  .filter(({ how }) => how.startsWith('file=')).map(({ how, text }) => [how.slice(5), text]));

/** React comes as CommonJS: as modules of one script, development builds, for these run effects twice in StrictMode. */
const react = () => `const made = {}, modules = {
${[['scheduler', 'scheduler/cjs/scheduler'], ['react', 'react/cjs/react'], ['react-dom', 'react-dom/cjs/react-dom'],
    ['react-dom/client', 'react-dom/cjs/react-dom-client']]
    .map(([name, path]) => `'${name}'(require, module, exports, process) {\n${packaged(`${path}.development.js`)}\n},`).join('\n')}
};
globalThis.requireReact = (name) => {
  if (!made[name]) {
    made[name] = { exports: {} };
    modules[name](requireReact, made[name], made[name].exports, { env: { NODE_ENV: 'development' } });
  }
  return made[name].exports;
};`;

const imports = { centrifuge: '/sdk.mjs', vue: '/vue.mjs', react: '/react.mjs' };
const served = {
  '/sdk.mjs': () => `${packaged('centrifuge/dist/centrifuge.js')}\nexport const { Centrifuge } = globalThis;`,
  '/vue.mjs': () => packaged('vue/dist/runtime-dom.esm-browser.prod.js'),
  '/react.mjs': () => `${react()}\nexport const { createElement, StrictMode, useEffect, useState } = requireReact('react');
export const { createRoot } = requireReact('react-dom/client');`,
};

/** What shows two components for the user 42, or another one, or none. */
const apps = {
  React: `import { createElement as h, createRoot, StrictMode } from 'react';
import { Mail } from './mail-react.mjs';
const root = createRoot(document.querySelector('#app'));
window.show = (user) => root.render(h(StrictMode, null, user && [1, 2].map((key) => h(Mail, { key, user }))));`,
  Vue: `import { createApp, h, ref } from 'vue';
import { Mail } from './mail-vue.mjs';
const shown = ref('');
createApp({ render: () => shown.value && [1, 2].map((key) => h(Mail, { key, user: shown.value })) }).mount('#app');
window.show = (user) => { shown.value = user; };`,
};

let browser, gateway, site, files;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
  gateway = await startGateway({ dev: false, flags: ['--config', configuration] });
  files = createServer(({ url }, response) => {
    const name = url.slice(1);
    if (url === '/token') return response.end(jwt.sign({ sub: '42' }, secret, { expiresIn: '1h' }));
    const page = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script><div id="app"></div>
<script type="module">${apps[name]}\nwindow.show('42');</script>`;
    const text = apps[name] ? page : served[url]?.() ?? filesOfPage.get(name)?.replace('localhost:8000', `127.0.0.1:${gateway.ports.client}`);
    response.writeHead(text ? 200 : 404, { 'Content-Type': apps[name] ? 'text/html' : 'text/javascript' });
    return response.end(text);
  }).listen(0, '127.0.0.1');
  await once(files, 'listening');
  site = `http://localhost:${files.address().port}`;
}, limit);
after(async () => {
  await browser?.close();
  files?.close();
  await gateway?.stop();
});

const publish = (channel, from) => gateway.api('publish', { channel, data: { from }, count: true }, apiKey);

for (const name of Object.keys(apps)) {
  describe(name, suite, () => {
    test('two components show a channel, what they missed, another channel, and then nobody is subscribed', limit, async (t) => {
      const page = await browser.newPage();
      t.after(() => page.close());
      const troubles = [];
      page.on('pageerror', (error) => troubles.push(String(error)));
      page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
      await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
      /** Waits until both components are as they should. */
      const both = (status, mails) => page.waitForFunction(([expected, items]) => {
        const sections = [...document.querySelectorAll('section')];
        const shows = (each) => each.querySelector('p').textContent === expected &&
          JSON.stringify([...each.querySelectorAll('li')].map((item) => item.textContent)) === items;
        return sections.length === 2 && sections.every(shows);
      }, [status, JSON.stringify(mails)]);
      const show = (user) => page.evaluate((each) => window.show(each), user);

      await page.goto(`${site}/${name}`);
      await both('Listening', []);
      assert.equal((await publish('mail:#42', 'Ann')).result.receivers, 1);
      await both('Listening', ['mail from Ann']);

      await page.evaluate(async () => {
        const { centrifuge } = await import('./connection.mjs');
        centrifuge.disconnect();
      });
      await both('Not connected', ['mail from Ann']);
      for (const from of ['Bob', 'Cleo']) assert.equal((await publish('mail:#42', from)).result.receivers, 0);
      await page.evaluate(async () => (await import('./connection.mjs')).centrifuge.connect());
      await both('Listening', ['mail from Ann', 'mail from Bob', 'mail from Cleo']);

      await show('42,7');
      await both('Listening', []);
      assert.equal((await publish('mail:#42', 'Dora')).result.receivers, 0);
      assert.equal((await publish('mail:#42,7', 'Eve')).result.receivers, 1);
      await both('Listening', ['mail from Eve']);

      await show('');
      await page.waitForFunction(() => document.querySelectorAll('section').length === 0);
      while ((await publish('mail:#42,7', 'nobody')).result.receivers > 0);
      assert.deepEqual(troubles, []);
    });
  });
}
