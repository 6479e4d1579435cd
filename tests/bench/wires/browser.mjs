// Which way Chromium opens WebSockets where a server would take them over HTTP/2 (RFC 8441): from a page of the same
// server, whose connection there already is, and from a page of another one. Prints what came to the server.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(new URL('../../node/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const folder = mkdtempSync(join(tmpdir(), 'carillon-http2-'));
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'a.key'),
  '-out', join(folder, 'a.pem'), '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });

let counts;
const server = http2.createSecureServer({ key: readFileSync(join(folder, 'a.key')), cert: readFileSync(join(folder, 'a.pem')),
  allowHTTP1: true, settings: { enableConnectProtocol: true } });
server.on('secureConnection', () => { ++counts.connections; });
server.on('stream', (stream, headers) => {
  if (headers[':method'] === 'CONNECT') {
    ++counts.overHttp2;
    stream.respond({ ':status': 200 });
  } else {
    stream.respond({ ':status': 200, 'content-type': 'text/html' });
    stream.end('<title>page</title>');
  }
  stream.on('error', () => {});
});
server.on('upgrade', (request, socket) => {
  ++counts.overHttp1;
  socket.on('error', () => {});
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = require('node:crypto').createHash('sha1').update(key).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
});
const listening = (of) => new Promise((resolve) => of.listen(0, '127.0.0.1', () => resolve(of.address().port)));
const port = await listening(server);
const other = http.createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end('<title>page</title>'));
const otherPort = await listening(other);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
console.log(`Chromium ${browser.version()}\n\n| the page is from | tabs with a WebSocket | connections | over HTTP/2 | over HTTP/1.1 |\n|---|---|---|---|---|`);
for (const [name, address] of [['the same server', `https://localhost:${port}/`], ['another server', `http://localhost:${otherPort}/`]]) {
  for (const tabs of [1, 3]) {
    counts = { connections: 0, overHttp2: 0, overHttp1: 0 };
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    for (let i = 0; i < tabs; ++i) {
      const page = await context.newPage();
      await page.goto(address);
      await page.evaluate((where) => new Promise((resolve, reject) => {
        const opened = new WebSocket(where);
        opened.onopen = () => resolve();
        opened.onerror = () => reject(new Error('the WebSocket does not open'));
      }), `wss://localhost:${port}/connection/websocket`);
    }
    console.log(`| ${name} | ${tabs} | ${counts.connections} | ${counts.overHttp2} | ${counts.overHttp1} |`);
    await context.close();
  }
}
await browser.close();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
