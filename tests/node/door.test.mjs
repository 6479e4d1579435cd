// Whose connection it is, and who may come in, over real sockets: a proxy that speaks for others, with and without TLS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import tls from 'node:tls';
import { startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const key = 'open-sesame';
const folder = mkdtempSync(join(tmpdir(), 'carillon-door-'));
after(() => rmSync(folder, { recursive: true }));

/** PROXY protocol version 2, TCP over IPv4, with a TLV that nobody knows. */
function proxyHeader(address) {
  const tlv = Buffer.from([0xe5, 0, 2, 1, 2]);
  const addresses = Buffer.from([...address.split('.').map(Number), 10, 0, 0, 1, 0x12, 0x67, 1, 0xbb]);
  const head = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0, addresses.length + tlv.length]);
  return Buffer.concat([head, addresses, tlv]);
}

const upgrade = (...fields) => ['GET /connection/websocket HTTP/1.1', 'Host: a', 'Upgrade: websocket', 'Connection: Upgrade',
  'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...fields, '', ''].join('\r\n');

/** A text frame as a browser sends it, with a mask of zeros. */
function frame(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}

/** What comes over a socket, as text. */
class Peer {
  heard = '';
  ended = false;
  #changed = () => {};

  constructor(socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (some) => { this.heard += some.toString('latin1'); this.#changed(); });
    socket.on('close', () => { this.ended = true; this.#changed(); });
  }

  /** Each in a packet of its own. */
  async say(...parts) {
    for (const part of parts) {
      this.socket.write(part);
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    return this;
  }

  /** Resolves with all that has been heard since, as soon as that is enough, or at the end. */
  async until(enough) {
    while (!enough.test(this.heard) && !this.ended) await new Promise((resolve) => { this.#changed = resolve; });
    const heard = this.heard;
    this.heard = '';
    return heard;
  }
}

async function dial(gateway) {
  const socket = net.connect(gateway.ports.client, '127.0.0.1');
  await once(socket, 'connect');
  return new Peer(socket);
}

async function withGateway(t, ...flags) {
  const gateway = await startGateway({ flags: ['--api-key', key, ...flags] });
  t.after(() => gateway.stop());
  return gateway;
}

const addressesOf = async (gateway) =>
  (await gateway.api('connections', {}, key)).result.connections.map((each) => each.address).sort();

describe('behind a proxy', suite, () => {
  test('the PROXY protocol before TLS, torn, says whose connection it is; who sends none is closed and counted', suite, async (t) => {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'a.key', '-out', 'a.pem',
      '-days', '2', '-subj', '/CN=a'], { cwd: folder, stdio: 'pipe' });
    const gateway = await withGateway(t, '--proxy-protocol', '--trusted-proxies', '127.0.0.0/8',
      '--tls-certificate-files', join(folder, 'a.pem'), '--tls-key-files', join(folder, 'a.key'));
    const below = net.connect(gateway.ports.client, '127.0.0.1');
    await once(below, 'connect');
    below.setNoDelay(true);
    for (const byte of proxyHeader('192.0.2.7')) {
      below.write(Buffer.from([byte]));
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    const socket = tls.connect({ socket: below, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const client = await new Peer(socket).say(upgrade(), frame('{"id":1,"connect":{}}'));
    assert.match(await client.until(/"connect":\{/), /^HTTP\/1.1 101 /);
    assert.deepEqual(await addressesOf(gateway), ['192.0.2.7']);
    const stranger = await (await dial(gateway)).say(upgrade());
    assert.equal(await stranger.until(/never/), '');
    assert.equal(await gateway.metric('carillon_connections_refused_total'), 1);
    assert.match(gateway.log, /not let in for 127\.0\.0\.1:\d+: There is no PROXY header/);
    socket.destroy();
  });

  test('X-Forwarded-For of a trusted proxy counts for limits, the log and the list of connections', suite, async (t) => {
    const asked = [];
    const application = createServer((request, response) => {
      asked.push(request.headers['x-real-ip']);
      response.setHeader('Content-Type', 'application/json').end('{"result":{"user":"42"}}');
    });
    application.listen(0, '127.0.0.1');
    await once(application, 'listening');
    t.after(() => application.close());
    writeFileSync(join(folder, 'carillon.toml'),
      `[[proxy]]\nevent = ["connect"]\nurl = "http://127.0.0.1:${application.address().port}/"\nheaders = ["X-Real-Ip"]\n`);
    const gateway = await withGateway(t, '--config', join(folder, 'carillon.toml'), '--trusted-proxies', '127.0.0.1', '--address-connections-max', '2');
    const open = [];
    for (const [whose, status] of [['1.1.1.1, 192.0.2.7', 101], ['192.0.2.7', 101], ['2.2.2.2, 192.0.2.7', 503], ['2001:db8::1', 101],
      ['2001:db8::2', 101], ['2001:db8::3', 503], ['192.0.2.8', 101]]) {
      const client = await dial(gateway);
      open.push(client);
      await client.say(upgrade(`X-Forwarded-For: ${whose}`, 'X-Real-Ip: 9.9.9.9'));
      const heard = await client.until(/\r\n\r\n/);
      assert.match(heard, new RegExp(`^HTTP/1.1 ${status} `), whose);
      if (status === 503) assert.match(heard, /\r\nRetry-After: \d+\r\n/);
      else await (await client.say(frame('{"id":1,"connect":{}}'))).until(/"connect":\{/);
    }
    const addresses = ['192.0.2.7', '192.0.2.7', '192.0.2.8', '2001:db8::1', '2001:db8::2'];
    assert.deepEqual(await addressesOf(gateway), addresses);
    assert.deepEqual(asked.sort(), addresses); // whatever the client has said
    assert.match(gateway.log, /refused with 503 for 192\.0\.2\.7 by 127\.0\.0\.1:\d+: Too many connections from this address/);
    assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200); // the proxy's own question has no limit
    open[0].socket.destroy();
    let heard;
    do { // as soon as the gateway has heard of it
      const client = await dial(gateway);
      open.push(client);
      heard = await (await client.say(upgrade('X-Forwarded-For: 192.0.2.7'))).until(/\r\n\r\n/);
    } while (!heard.startsWith('HTTP/1.1 101 '));
    for (const each of open) each.socket.destroy();
  });
});

describe('limits', suite, () => {
  test('of an address that is nobody\'s proxy: so many connections in a second, and commands', suite, async (t) => {
    const gateway = await withGateway(t, '--address-handshakes-per-second-max', '1', '--client-commands-per-second-max', '2');
    const first = await dial(gateway);
    const command = '{"id":2,"unsubscribe":{"channel":"a"}}';
    await first.say(upgrade(), frame('{"id":1,"connect":{}}'));
    assert.match(await first.until(/"connect":\{/), /^HTTP\/1.1 101 /);
    for (let i = 0; i < 60 && !first.ended; ++i) await first.say(frame(`${command}\n${command}`));
    const heard = await first.until(/never/);
    assert.match(heard, /"code":111,/);
    assert.match(heard, /too many requests$/); // the close frame's reason
    assert.equal(await gateway.metric('carillon_connections_closed_total') > 0, true);
    const statuses = [];
    for (let i = 0; i < 8; ++i) {
      const client = await (await dial(gateway)).say(upgrade('X-Forwarded-For: 192.0.2.7')); // which nobody believes
      statuses.push((await client.until(/\r\n\r\n/)).slice(9, 12));
      client.socket.destroy();
    }
    assert.ok(statuses.includes('503'), statuses.join());
  });
});
