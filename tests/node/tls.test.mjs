// TLS on the client port: the SDK over wss, certificates made by openssl, and whoever does it wrong.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { freshChannel, keepEvents, runCarillon, startGateway } from './gateway.mjs';

const suite = { timeout: 180_000 };
const limit = { timeout: 30_000 };
const readyLimitMs = 10_000;
const folder = mkdtempSync(join(tmpdir(), 'carillon-tls-'));
const path = (name) => join(folder, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });

/** A certificate that has signed itself, NAME.pem and NAME.key, for these host names. */
function makeCertificate(name, hosts, kind = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']) {
  openssl('req', '-x509', '-newkey', ...kind, '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2',
    '-subj', `/CN=${name}`, '-addext', `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(',')}`);
}

/** One that NAME's key vouches for, for a client. */
function makeClientCertificate(name, issuer) {
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`,
    '-subj', `/CN=${name}`);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial',
    '-days', '2', '-out', `${name}.pem`);
}

const encrypted = (names, ...more) => [
  ...names.flatMap((name) => ['--tls-certificate-files', path(`${name}.pem`), '--tls-key-files', path(`${name}.key`)]), ...more];

/** What a handshake comes to: the socket, or the error. */
function shakeHands(gateway, options = {}) {
  return new Promise((resolve) => {
    const socket = tls.connect({ host: '127.0.0.1', port: gateway.ports.client, rejectUnauthorized: false, ...options },
      () => resolve({ socket }));
    socket.on('error', (error) => resolve({ error }));
  });
}

const nameOf = (socket) => socket.getPeerCertificate().subject.CN;

function get(gateway, where, options = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request({ host: '127.0.0.1', port: gateway.ports.client, path: where, rejectUnauthorized: false, ...options },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (part) => { body += part; }).on('end', () => resolve({ status: answer.statusCode, body }));
      });
    request.on('error', reject).end();
  });
}

async function until(what, holds) {
  const giveUpAt = Date.now() + readyLimitMs;
  while (!await holds()) {
    assert.ok(Date.now() < giveUpAt, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const trusting = (options = {}) => class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { rejectUnauthorized: false, ...options });
  }
};

/** A connected SDK client; disconnected when the test ends. */
async function connect(t, gateway, options) {
  const client = new Centrifuge(`wss://127.0.0.1:${gateway.ports.client}/connection/websocket`,
    { websocket: trusting(options), minReconnectDelay: 20, maxReconnectDelay: 200 });
  t.after(() => client.disconnect());
  client.connect();
  await client.ready(readyLimitMs);
  return client;
}

before(() => {
  makeCertificate('first', ['first.example', 'localhost']);
  makeCertificate('second', ['second.example', '*.second.example'], ['rsa:2048']);
  makeCertificate('authority', ['authority.example']);
  makeClientCertificate('known', 'authority');
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('TLS on the client port', suite, () => {
  let gateway;
  before(async () => { gateway = await startGateway({ flags: encrypted(['first', 'second'], '--client-handshake-timeout-ms', '1000') }); });
  after(() => gateway.stop());

  test('the SDK connects, subscribes, publishes, and is published to', limit, async (t) => {
    const client = await connect(t, gateway);
    const channel = freshChannel();
    const subscription = client.newSubscription(channel);
    const heard = keepEvents(subscription, 'publication');
    subscription.subscribe();
    await subscription.ready(readyLimitMs);
    assert.equal(await gateway.redisCli('PUBLISH', channel, '{"from":"outside"}'), '1');
    assert.deepEqual((await heard.next()).data, { from: 'outside' });
    await subscription.publish({ text: 'x'.repeat(40_000) });
    assert.equal((await heard.next()).data.text.length, 40_000);
    const big = 'y'.repeat(60_000);
    for (let i = 0; i < 30; ++i) await gateway.redisCliInput(JSON.stringify({ i, big }), 'PUBLISH', channel);
    for (const [i, event] of (await heard.take(30)).entries()) assert.deepEqual(event.data, { i, big });
  });

  test('pages and probes', limit, async () => {
    assert.deepEqual(await get(gateway, '/livez'), { status: 200, body: 'ok\n' });
    assert.deepEqual(await get(gateway, '/readyz'), { status: 200, body: 'ready\n' });
    assert.equal((await get(gateway, '/')).status, 200);
    assert.ok((await get(gateway, '/mailbox.js')).body.length > 1000);
    assert.equal((await get(gateway, '/nothing')).status, 404);
    await until('no relay is left', async () => await gateway.metric('carillon_tls_relays') === 0);
  });

  for (const [asked, shown] of [['first.example', 'first'], ['second.example', 'second'], ['SECOND.example', 'second'],
    ['a.second.example', 'second'], ['a.b.second.example', 'first'], ['other.example', 'first'], [undefined, 'first']]) {
    test(`who asks for ${asked} is shown the certificate ${shown}`, limit, async () => {
      const { socket } = await shakeHands(gateway, asked ? { servername: asked } : {});
      assert.equal(nameOf(socket), shown);
      socket.destroy();
    });
  }

  for (const [what, options, expected] of [
    ['TLS 1.3', { minVersion: 'TLSv1.3' }, 'TLSv1.3'],
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }, 'TLSv1.2'],
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }, null],
    ['TLS 1.2 without forward secrecy', { maxVersion: 'TLSv1.2', servername: 'second.example', ciphers: 'AES128-GCM-SHA256' }, null],
    ['TLS 1.2 with CBC', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }, null],
    ['ALPN http/1.1', { ALPNProtocols: ['h2', 'http/1.1'] }, 'TLSv1.3'],
    ['ALPN h2 alone', { ALPNProtocols: ['h2'] }, null],
  ]) {
    test(`${what}: ${expected ?? 'refused'}`, limit, async () => {
      const { socket, error } = await shakeHands(gateway, options);
      if (expected === null) return assert.ok(error);
      assert.equal(socket.getProtocol(), expected);
      if (options.ALPNProtocols) assert.equal(socket.alpnProtocol, 'http/1.1');
      socket.destroy();
    });
  }

  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    test(`a session is resumed by its ticket (${version})`, limit, async () => {
      const pinned = { minVersion: version, maxVersion: version };
      const resumed = async () => {
        const text = await (await fetch(`http://127.0.0.1:${gateway.ports.control}/metrics`)).text();
        return [...text.matchAll(/^carillon_tls_handshakes_total\{.*outcome="resumed"\} (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
      };
      const before = await resumed();
      const socket = tls.connect({ host: '127.0.0.1', port: gateway.ports.client, rejectUnauthorized: false, ...pinned });
      const [session] = await once(socket, 'session');
      socket.destroy();
      const second = await shakeHands(gateway, { session, ...pinned });
      assert.equal(second.socket.isSessionReused(), true);
      await until('it is counted', async () => await resumed() === before + 1);
      second.socket.destroy();
    });
  }

  test('plain HTTP is answered in words', limit, async () => {
    const answer = await fetch(`http://127.0.0.1:${gateway.ports.client}/livez`);
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /speaks TLS/);
  });

  test('who is silent, and who stops in the middle, is cut; nobody else is held up', limit, async (t) => {
    const client = await connect(t, gateway);
    const hello = await new Promise((resolve) => {
      const trap = net.createServer((socket) => socket.once('data', (data) => { resolve(data); socket.destroy(); trap.close(); }));
      trap.listen(0, '127.0.0.1', () => tls.connect({ host: '127.0.0.1', port: trap.address().port }).on('error', () => {}));
    });
    const idlers = [Buffer.alloc(0), hello.subarray(0, 5), hello.subarray(0, hello.length - 1), hello].map((said) => {
      const socket = net.connect(gateway.ports.client, '127.0.0.1', () => socket.write(said));
      socket.resume().on('error', () => {});
      return once(socket, 'close');
    });
    const channel = freshChannel();
    const subscription = client.newSubscription(channel);
    subscription.subscribe();
    await subscription.ready(readyLimitMs);
    await Promise.all(idlers);
    assert.equal(client.state, 'connected');
    await until('no handshake is left', async () => await gateway.metric('carillon_tls_handshakes_in_flight') === 0);
  });

  test('who reads too slowly is told 3008 behind whole frames', limit, async (t) => {
    const slow = new (trusting())(`wss://127.0.0.1:${gateway.ports.client}/connection/websocket`);
    t.after(() => slow.terminate());
    await once(slow, 'open');
    const channel = freshChannel();
    slow.send(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${channel}"}}`);
    await once(slow, 'message');
    await until('it is there', async () => await gateway.redisCli('PUBSUB', 'NUMSUB', channel) !== '');
    slow.pause();
    const text = JSON.stringify('z'.repeat(60_000));
    let told = 1;
    for (let i = 0; i < 300 && told === 1; ++i) told = Number(await gateway.redisCliInput(text, 'PUBLISH', channel));
    const closed = once(slow, 'close');
    slow.resume();
    const [code] = await closed;
    assert.equal(code, 3008);
  });

  test('s_client says that nothing is wrong', limit, () => {
    const said = openssl('s_client', '-connect', `127.0.0.1:${gateway.ports.client}`, '-servername', 'first.example', '-CAfile', 'first.pem',
      '-verify_return_error', '-alpn', 'http/1.1', '-brief', '-ign_eof');
    assert.equal(typeof said, 'string');
  });
});

describe('certificates of clients', suite, () => {
  let gateway;
  before(async () => { gateway = await startGateway({ flags: encrypted(['first'], '--tls-client-ca-file', path('authority.pem'), '--tls-min-version', '1.3') }); });
  after(() => gateway.stop());
  const files = (name) => ({ cert: execFileSync('cat', [path(`${name}.pem`)]), key: execFileSync('cat', [path(`${name}.key`)]) });

  test('who shows a good one may come', limit, async (t) => {
    assert.equal((await connect(t, gateway, files('known'))).state, 'connected');
  });

  for (const [what, shown] of [['none', () => ({})], ['one that nobody vouches for', () => files('second')]]) {
    test(`who shows ${what} may not`, limit, async () => {
      await assert.rejects(get(gateway, '/livez', shown()));
    });
  }

  test('TLS 1.2 is refused where 1.3 is the oldest', limit, async () => {
    assert.ok((await shakeHands(gateway, { ...files('known'), maxVersion: 'TLSv1.2' })).error);
  });
});

describe('new certificates', suite, () => {
  test('come with SIGHUP; nobody is dropped, and bad ones change nothing', limit, async (t) => {
    for (const end of ['pem', 'key']) copyFileSync(path(`first.${end}`), path(`now.${end}`));
    const gateway = await startGateway({ flags: encrypted(['now']) });
    t.after(() => gateway.stop());
    const client = await connect(t, gateway);
    const dropped = keepEvents(client, 'connecting');
    const shown = async () => {
      const { socket } = await shakeHands(gateway);
      const name = nameOf(socket);
      socket.destroy();
      return name;
    };
    assert.equal(await shown(), 'first');
    copyFileSync(path('second.pem'), path('now.pem'));
    gateway.signal('SIGHUP');   // the key is still the other's
    await until('the mistake is told', () => /now\.key is not the key of the certificate in/.test(gateway.log));
    assert.equal(await shown(), 'first');
    copyFileSync(path('second.key'), path('now.key'));
    gateway.signal('SIGHUP');
    await until('the new one is shown', async () => await shown() === 'second');
    const subscription = client.newSubscription(freshChannel());
    subscription.subscribe();
    await subscription.ready(readyLimitMs);
    assert.equal(dropped.unread, 0);
  });

  for (const [what, flags, expected] of [
    ['a certificate without a key', ['--tls-certificate-files', path('first.pem')], /^tls_key_files: 0 keys are given for 1 certificates .*\n$/],
    ['another TLS', ['--tls-min-version', '1.1'], /^tls_min_version: give 1\.2 or 1\.3\n$/],
    ['an authority alone', ['--tls-client-ca-file', path('authority.pem')], /^tls_client_ca_file: .*\n$/],
    ['a unix socket', ['--client-listen', `unix:${path('socket')}`, ...encrypted(['first'])], /^tls_certificate_files: .*unix socket.*\n$/],
  ]) {
    test(`${what} is one line and exit code 2`, limit, async () => {
      const { code, stdout, stderr } = await runCarillon('--dev', ...flags);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, expected);
    });
  }

  for (const [what, certificate, key, expected] of [
    ['a file that is not there', 'missing.pem', 'first.key', /^tls_certificate_files: \S+missing\.pem cannot be read: No such file or directory\n$/],
    ['a key that is not there', 'first.pem', 'missing.key', /^tls_key_files: \S+missing\.key cannot be read: No such file or directory\n$/],
    ['garbage', 'garbage.pem', 'first.key', /^tls_certificate_files: \S+garbage\.pem holds no certificate as PEM\n$/],
    ['garbage for a key', 'first.pem', 'garbage.pem', /^tls_key_files: \S+garbage\.pem holds no private key as PEM, or one with a passphrase\n$/],
    ["another's key", 'first.pem', 'second.key', /^tls_key_files: \S+second\.key is not the key of the certificate in \S+first\.pem\n$/],
  ]) {
    test(`${what} is one line and exit code 2`, limit, async () => {
      writeFileSync(path('garbage.pem'), '-----BEGIN NOTHING-----\nAAAA\n');
      const { code, stdout, stderr } = await runCarillon('--dev', '--tls-certificate-files', path(certificate), '--tls-key-files', path(key));
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, expected);
    });
  }
});
