// TLS on the control port and on the bus door: curl, redis-cli, ioredis and node-redis, certificates of clients, new
// certificates, a carillon-bus, the health probe, and whoever does it wrong.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { Centrifuge } from 'centrifuge';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import WebSocket from 'ws';
import { freshChannel, keepEvents, runCarillon, startBus, startGateway } from './gateway.mjs';

const suite = { timeout: 180_000 };
const limit = { timeout: 30_000 };
const readyLimitMs = 10_000;
const host = '127.0.0.1';
const apiKey = 'a-key-of-the-server-api', password = 'a-long-password';
const folder = mkdtempSync(join(tmpdir(), 'carillon-tls-ports-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const path = (name) => join(folder, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** NAME.pem and NAME.key, signed by itself. */
function makeCertificate(name) {
  openssl('req', '-x509', ...ec, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`,
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
}

/** The same, which ISSUER vouches for. */
function makeIssued(name, issuer) {
  openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  writeFileSync(path(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial',
    '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`);
}

for (const name of ['own', 'other', 'authority', 'foreign-authority']) makeCertificate(name);
makeIssued('known', 'authority');
makeIssued('stranger', 'foreign-authority');

const certificate = (name) => ['--tls-certificate-files', path(`${name}.pem`), '--tls-key-files', path(`${name}.key`)];
const ports = (...names) => names.flatMap((name) => ['--tls-ports', name]);
const files = (name) => ({ cert: readFileSync(path(`${name}.pem`)), key: readFileSync(path(`${name}.key`)) });
const trusting = { ca: readFileSync(path('own.pem')) };

/** What a program prints, and how it ends. */
const run = (program, args, input) => new Promise((resolve) => {
  const child = execFile(program, args, { timeout: readyLimitMs }, (error, stdout, stderr) =>
    resolve({ code: error ? error.code : 0, stdout, stderr }));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
});
const curl = (...args) => run('curl', ['-sS', '--cacert', path('own.pem'), ...args]);
const shown = (name) => (name ? ['--cert', path(`${name}.pem`), '--key', path(`${name}.key`)] : []);
const redisCli = (gateway, ...args) => run('redis-cli', ['-h', host, '-p', String(gateway.ports.bus), ...args]);

/** One request at the control port: {status, body}. */
function ask(gateway, where, { method = 'GET', body, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request({ host, port: gateway.ports.control, path: where, method, agent: false, ...trusting, ...options }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => { text += part; }).on('end', () => resolve({ status: answer.statusCode, body: text }));
    });
    request.on('error', reject).end(body);
  });
}

/** The sum of a metric's series, asked over TLS. */
async function metric(gateway, series, options) {
  const { body } = await ask(gateway, '/metrics', options);
  const lines = body.split('\n').filter((line) => line.startsWith(series) && !line.startsWith('#'));
  assert.notEqual(lines.length, 0, series);
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
const handshakes = (gateway, outcome, options) => metric(gateway, `carillon_control_tls_handshakes_total{outcome="${outcome}"}`, options);

async function until(what, holds) {
  const giveUpAt = Date.now() + readyLimitMs;
  while (!await holds()) {
    assert.ok(Date.now() < giveUpAt, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a handshake comes to: the socket, or the error. */
function shakeHands(port, options = {}) {
  return new Promise((resolve) => {
    const socket = tls.connect({ host, port, ...trusting, ...options }, () => resolve({ socket }));
    socket.on('error', (error) => resolve({ error }));
  });
}

/** Says something without TLS, and waits for the other's end: what it has said. */
async function saidTo(port, bytes) {
  const socket = net.connect(port, host, () => socket.write(bytes));
  let heard = '';
  socket.setEncoding('latin1').on('data', (part) => { heard += part; }).on('error', () => {});
  await once(socket, 'close');
  return heard;
}

/** The first bytes of a handshake. */
const hello = () => new Promise((resolve) => {
  const trap = net.createServer((socket) => socket.once('data', (data) => { resolve(data); socket.destroy(); trap.close(); }));
  trap.listen(0, host, () => tls.connect({ host, port: trap.address().port }).on('error', () => {}));
});

/** An SDK client on the client port, and what it hears on `channel`. */
async function listen(t, gateway, channel) {
  const client = new Centrifuge(gateway.socketUrl, { websocket: WebSocket });
  t.after(() => client.disconnect());
  client.connect();
  const subscription = client.newSubscription(channel);
  const heard = keepEvents(subscription, 'publication');
  subscription.subscribe();
  await subscription.ready(readyLimitMs);
  return { client, subscription, heard };
}

const probe = (gateway, program, ...flags) => program('--control-listen', `${host}:${gateway.ports.control}`, ...flags, '--health');
const runBus = (...args) => run(process.env.BUS_BINARY ?? new URL('../../build/release/app/carillon-bus', import.meta.url).pathname, args);

describe('TLS on the control port', suite, () => {
  const flags = [...certificate('own'), ...ports('control')];
  let gateway;
  before(async () => {
    gateway = await startGateway({ flags: [...flags, '--api-key', apiKey, '--admin-password', password, '--control-request-timeout-ms', '3000', '--control-connections-max', '8'] });
  });
  after(() => gateway.stop());

  test('curl is answered, and the other ports speak as before', limit, async () => {
    const at = `https://localhost:${gateway.ports.control}`;
    assert.deepEqual(await curl(`${at}/readyz`), { code: 0, stdout: 'ready\n', stderr: '' });
    const metrics = await curl(`${at}/metrics`);
    assert.match(metrics.stdout, /^carillon_control_tls_handshakes_total\{outcome="full"\} [1-9]/m);
    assert.equal((await fetch(`${gateway.url}/livez`)).status, 200);
    assert.equal(await gateway.redisCli('PING'), 'PONG');
  });

  for (const [what, options] of [['TLS 1.3', { minVersion: 'TLSv1.3' }], ['TLS 1.2', { maxVersion: 'TLSv1.2' }],
    ['ALPN http/1.1', { ALPNProtocols: ['h2', 'http/1.1'] }]]) {
    test(`${what} is spoken`, limit, async () => {
      assert.deepEqual(await ask(gateway, '/livez', options), { status: 200, body: 'ok\n' });
    });
  }

  test('bodies of all sizes, several requests on one connection', limit, async (t) => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ...trusting });
    t.after(() => agent.destroy());
    const before = await handshakes(gateway, 'full');
    const { heard } = await listen(t, gateway, 'mail:api');
    for (const size of [1, 16_384, 60_000]) {
      const { status, body } = await ask(gateway, '/api/publish', { agent, method: 'POST', headers: { 'X-API-Key': apiKey },
        body: JSON.stringify({ channel: 'mail:api', data: { text: 'x'.repeat(size) } }) });
      assert.deepEqual([status, Object.keys(JSON.parse(body))], [200, ['result']]);
      assert.equal((await heard.next()).data.text.length, size);
    }
    assert.equal(await handshakes(gateway, 'full', { agent }), before + 1);
  });

  test("the admin page's cookie is for TLS only", limit, async () => {
    const { stdout } = await curl('-D', '-', '-o', '/dev/null', '-H', 'X-Carillon-Admin: 1', '-d', password,
      `https://localhost:${gateway.ports.control}/admin/api/login`);
    assert.match(stdout, /^HTTP\/1\.1 200 .*^set-cookie: [^\n]*; Secure/ims);
  });

  test('a session is resumed by its ticket', limit, async () => {
    const first = tls.connect({ host, port: gateway.ports.control, ...trusting });
    const [session] = await once(first, 'session');
    first.destroy();
    const before = await handshakes(gateway, 'resumed');
    const { socket } = await shakeHands(gateway.ports.control, { session });
    assert.equal(socket.isSessionReused(), true);
    socket.end('GET /livez HTTP/1.0\r\n\r\n');
    await once(socket.resume(), 'close');
    assert.equal(await handshakes(gateway, 'resumed'), before + 1);
  });

  test('plain HTTP is answered in words, garbage with an end; both are counted', limit, async () => {
    const before = await handshakes(gateway, 'failed');
    const answer = await fetch(`http://${host}:${gateway.ports.control}/livez`);
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /speaks TLS/);
    await saidTo(gateway.ports.control, Buffer.alloc(5_000, 0x55));
    await until('they are counted', async () => await handshakes(gateway, 'failed') === before + 2);
  });

  test('who stops in the middle is cut, and who goes is forgotten', limit, async () => {
    const [cut, abandoned] = [await handshakes(gateway, 'cut'), await handshakes(gateway, 'abandoned')];
    const said = await hello();
    await Promise.all([Buffer.alloc(0), said.subarray(0, 5), said].map((bytes) => saidTo(gateway.ports.control, bytes)));
    const leaves = net.connect(gateway.ports.control, host, () => leaves.end(said.subarray(0, 100)));
    await once(leaves.resume(), 'close');
    await until('they are counted', async () =>
      await handshakes(gateway, 'cut') === cut + 3 && await handshakes(gateway, 'abandoned') === abandoned + 1);
  });

  test('more silent ones than there may be connections hold up nobody', limit, async () => {
    const silent = Array.from({ length: 20 }, () => net.connect(gateway.ports.control, host).on('error', () => {}));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    assert.equal((await ask(gateway, '/livez')).status, 200);
    for (const socket of silent) socket.destroy();
  });

  test('the health probe speaks TLS, too', limit, async () => {
    assert.deepEqual(await probe(gateway, runCarillon, ...flags), { code: 0, stdout: '/readyz: 200 ready\n', stderr: '' });
    const plain = await probe(gateway, runCarillon); // another configuration than that of who runs
    assert.deepEqual([plain.code, plain.stdout], [1, '']);
  });
});

describe('certificates of who comes to the control port', suite, () => {
  const flags = [...certificate('own'), ...ports('client', 'control'), '--tls-control-client-ca-file', path('authority.pem')];
  let gateway;
  before(async () => { gateway = await startGateway({ flags }); });
  after(() => gateway.stop());

  for (const [who, comesIn] of [['known', true], ['stranger', false], [undefined, false]]) {
    test(`who shows ${who ?? 'none'} ${comesIn ? 'comes in' : 'does not'}`, limit, async () => {
      const { code, stdout } = await curl(...shown(who), `https://localhost:${gateway.ports.control}/readyz`);
      assert.deepEqual([code === 0, stdout], [comesIn, comesIn ? 'ready\n' : '']);
    });
  }

  test('the client port asks for none', limit, async () => {
    assert.equal((await curl(`https://localhost:${gateway.ports.client}/readyz`)).stdout, 'ready\n');
  });

  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    test(`a session of the client port is none of the control port (${version})`, limit, async () => {
      const pinned = { minVersion: version, maxVersion: version };
      const first = tls.connect({ host, port: gateway.ports.client, ...trusting, ...pinned });
      const [session] = await once(first, 'session');
      first.destroy();
      const there = await shakeHands(gateway.ports.client, { session, ...pinned });
      assert.equal(there.socket.isSessionReused(), true);
      there.socket.destroy();
      await assert.rejects(ask(gateway, '/readyz', { session, ...pinned }));
      assert.equal((await ask(gateway, '/readyz', { session, ...pinned, ...files('known') })).status, 200);
    });
  }

  test("the health probe shows the program's own, which is good", limit, async () => {
    assert.deepEqual(await probe(gateway, runCarillon, ...flags), { code: 0, stdout: '/readyz: 200 ready\n', stderr: '' });
    const without = await probe(gateway, runCarillon, ...certificate('other'), ...ports('control'));
    assert.equal(without.code, 1);
  });
});

describe('TLS on the bus door', suite, () => {
  const wire = ['--tls', '--cacert', path('own.pem'), '--sni', 'localhost'];
  let gateway;
  before(async () => { gateway = await startGateway({ flags: [...certificate('own'), ...ports('bus'), '--bus-auth-timeout-ms', '3000'] }); });
  after(() => gateway.stop());

  test('redis-cli publishes, and the SDK hears it', limit, async (t) => {
    const channel = freshChannel();
    const { heard } = await listen(t, gateway, channel);
    assert.equal((await redisCli(gateway, ...wire, 'PUBLISH', channel, '{"n":1}')).stdout, '1\n');
    assert.deepEqual((await heard.next()).data, { n: 1 });
    assert.equal((await fetch(`http://${host}:${gateway.ports.control}/readyz`)).status, 200);
  });

  test('ioredis: publications of all sizes, many in a pipeline', limit, async (t) => {
    const connect = () => new Redis({ host, port: gateway.ports.bus, tls: trusting });
    const [publisher, subscriber] = [connect(), connect()];
    t.after(() => { publisher.disconnect(); subscriber.disconnect(); });
    const channel = freshChannel();
    const heard = [];
    const all = new Promise((resolve) => subscriber.on('message', (_, text) => { if (heard.push(text.length) === 204) resolve(); }));
    await subscriber.subscribe(channel);
    const sizes = [3, 16_000, 17_000, 60_000];
    for (const size of sizes) await publisher.publish(channel, JSON.stringify('x'.repeat(size - 2)));
    const pipeline = publisher.pipeline();
    for (let i = 0; i < 200; ++i) pipeline.publish(channel, JSON.stringify('y'.repeat(30_000)));
    for (const [error] of await pipeline.exec()) assert.equal(error, null);
    await all;
    assert.deepEqual(heard.slice(0, 4), sizes);
    assert.ok(heard.slice(4).every((size) => size === 30_002));
  });

  test('node-redis in RESP3', limit, async (t) => {
    const client = createClient({ RESP: 3, socket: { host, port: gateway.ports.bus, tls: true, ...trusting } });
    client.on('error', () => {});
    await client.connect();
    t.after(() => client.destroy?.() ?? client.disconnect());
    const channel = freshChannel();
    const second = client.duplicate();
    second.on('error', () => {});
    await second.connect();
    t.after(() => second.destroy?.() ?? second.disconnect());
    let heard;
    const first = new Promise((resolve) => { heard = resolve; });
    await second.subscribe(channel, heard);
    assert.equal(await client.publish(channel, '{"n":3}'), 1);
    assert.equal(await first, '{"n":3}');
  });

  test('who speaks RESP or HTTP without TLS is told, garbage is ended', limit, async () => {
    const before = await gateway.metric('carillon_bus_tls_handshakes_total');
    assert.equal(await saidTo(gateway.ports.bus, '*1\r\n$4\r\nPING\r\n'), '-ERR this port speaks TLS\r\n');
    assert.match((await redisCli(gateway, 'PING')).stderr + (await redisCli(gateway, 'PING')).stdout, /this port speaks TLS|closed the connection/);
    assert.match(await saidTo(gateway.ports.bus, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 400 .*speaks TLS/s);
    assert.equal(await saidTo(gateway.ports.bus, Buffer.alloc(5_000, 0x55)).then((heard) => heard.startsWith('-ERR')), false);
    await until('they are counted', async () => await gateway.metric('carillon_bus_tls_handshakes_total') >= before + 4);
  });

  test('who stops in the middle of the handshake is cut; who has made it may be silent', limit, async (t) => {
    const idle = new Redis({ host, port: gateway.ports.bus, tls: trusting });
    t.after(() => idle.disconnect());
    assert.equal(await idle.ping(), 'PONG');
    let ended = 0;
    idle.on('close', () => { ++ended; });
    const said = await hello();
    await Promise.all([Buffer.alloc(0), said.subarray(0, 5), said].map((bytes) => saidTo(gateway.ports.bus, bytes)));
    assert.equal(await idle.ping(), 'PONG');
    assert.equal(ended, 0);
    const text = await (await fetch(`http://${host}:${gateway.ports.control}/metrics`)).text();
    const cut = [...text.matchAll(/^carillon_bus_tls_handshakes_total\{.*outcome="cut"\} (\d+)$/gm)].reduce((sum, [, each]) => sum + Number(each), 0);
    assert.equal(cut, 3);
    assert.equal(await gateway.metric('carillon_auth_timeouts_total'), 0);
  });
});

describe('certificates of who comes to the bus door', suite, () => {
  const ring = 'ring';
  let gateway;
  before(async () => {
    gateway = await startGateway({ flags: [...certificate('own'), ...ports('bus'), '--tls-bus-client-ca-file', path('authority.pem'), '--bus-password', ring] });
  });
  after(() => gateway.stop());

  for (const [who, comesIn] of [['known', true], ['stranger', false], [undefined, false]]) {
    test(`who shows ${who ?? 'none'} ${comesIn ? 'comes in, with the password' : 'does not, in spite of the password'}`, limit, async () => {
      const { stdout } = await redisCli(gateway, '--tls', '--cacert', path('own.pem'), ...shown(who), '--no-auth-warning', '-a', ring, 'PING');
      assert.equal(stdout === 'PONG\n', comesIn);
    });
  }

  test('a certificate alone is not the password', limit, async () => {
    const { stdout } = await redisCli(gateway, '--tls', '--cacert', path('own.pem'), ...shown('known'), 'PUBLISH', 'mail:a', '1');
    assert.match(stdout, /^NOAUTH /);
  });
});

describe('a carillon-bus with TLS', suite, () => {
  const flags = [...certificate('own'), ...ports('bus', 'control'), '--tls-bus-client-ca-file', path('authority.pem')];
  let bus;
  before(async () => { bus = await startBus({ flags }); });
  after(() => bus.stop());

  test('is the bus of gateways that show a certificate', limit, async (t) => {
    const gateway = await startGateway({ bus: `rediss://${host}:${bus.ports.bus}`, flags: ['--bus-tls-ca-file', path('own.pem'),
      '--bus-tls-certificate-file', path('known.pem'), '--bus-tls-key-file', path('known.key')] });
    t.after(() => gateway.stop());
    await until('the bus is there', async () => (await gateway.readiness()).status === 200);
    const channel = freshChannel();
    const { heard } = await listen(t, gateway, channel);
    const { stdout } = await redisCli(bus, '--tls', '--cacert', path('own.pem'), ...shown('known'), 'PUBLISH', channel, '{"n":2}');
    assert.equal(stdout, '1\n');
    assert.deepEqual((await heard.next()).data, { n: 2 });
  });

  test('answers the health probe', limit, async () => {
    assert.deepEqual(await probe(bus, runBus, ...flags), { code: 0, stdout: '/readyz: 200 ready\n', stderr: '' });
  });
});

describe('which ports', suite, () => {
  test('new certificates come to all of them with SIGHUP, and nobody is dropped', limit, async (t) => {
    for (const end of ['pem', 'key']) copyFileSync(path(`own.${end}`), path(`now.${end}`));
    const gateway = await startGateway({ flags: [...certificate('now'), ...ports('client', 'control', 'bus')] });
    t.after(() => gateway.stop());
    const nameAt = async (port) => {
      const { socket } = await shakeHands(port, { rejectUnauthorized: false });
      const name = socket.getPeerCertificate().subject.CN;
      socket.destroy();
      return name;
    };
    const names = () => Promise.all(['client', 'control', 'bus'].map((port) => nameAt(gateway.ports[port])));
    const publisher = new Redis({ host, port: gateway.ports.bus, tls: trusting });
    t.after(() => publisher.disconnect());
    assert.equal(await publisher.ping(), 'PONG');
    let ended = 0;
    publisher.on('close', () => { ++ended; });
    assert.deepEqual(await names(), ['own', 'own', 'own']);
    copyFileSync(path('other.pem'), path('now.pem'));
    gateway.signal('SIGHUP');   // the key is still the other's
    await until('the mistake is told', () => /now\.key is not the key of the certificate in/.test(gateway.log));
    assert.deepEqual(await names(), ['own', 'own', 'own']);
    copyFileSync(path('other.key'), path('now.key'));
    gateway.signal('SIGHUP');
    await until('the new one is shown', async () => (await names()).every((name) => name === 'other'));
    assert.equal(await publisher.ping(), 'PONG');
    assert.equal(ended, 0);
  });

  const own = certificate('own');
  for (const [what, flags, expected] of [
    ['no certificates', ports('control'), /^tls_ports: TLS needs certificates: give tls_certificate_files\n$/],
    ['a port that there is not', [...own, ...ports('admin')], /^tls_ports: '?"?admin'?"? is none of client, control and bus\n$/],
    ['no bus door', [...own, ...ports('bus'), '--bus-listen', 'off'], /^tls_ports: there is no bus door\n$/],
    ['a bus door on a unix socket', [...own, ...ports('bus'), '--bus-listen', `unix:${path('bus')}`],
      /^tls_ports: no TLS is spoken on a unix socket, as bus_listen is one\n$/],
    ['a control port on a unix socket', [...own, ...ports('control'), '--control-listen', `unix:${path('control')}`],
      /^tls_ports: no TLS is spoken on a unix socket, as control_listen is one\n$/],
    ['who vouches for clients of a plain port', [...own, '--tls-control-client-ca-file', path('authority.pem')],
      /^tls_control_client_ca_file: the control port speaks no TLS: name it in tls_ports\n$/],
    ['the same of the client port', [...own, ...ports('bus'), '--tls-client-ca-file', path('authority.pem')],
      /^tls_client_ca_file: the client port speaks no TLS: name it in tls_ports\n$/],
    ['a file of those who vouch that is not there', [...own, ...ports('bus'), '--tls-bus-client-ca-file', path('missing.pem')],
      /^tls_bus_client_ca_file: \S+missing\.pem cannot be read: No such file or directory\n$/],
  ]) {
    test(`${what} is one line and exit code 2`, limit, async () => {
      const { code, stdout, stderr } = await runCarillon('--dev', ...flags);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, expected);
    });
  }

  test('carillon-bus has no client port', limit, async () => {
    const { code, stderr } = await runBus(...own, ...ports('client'));
    assert.deepEqual([code, stderr], [2, 'tls_ports: carillon-bus has no client port\n']);
  });
});
