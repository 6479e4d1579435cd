// How the bus is reached: TLS with certificates made by openssl, and a unix socket, against a real Redis.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { Certificates } from './certificates.mjs';
import { freshChannel, keepEvents, runCarillon, startGateway } from './gateway.mjs';
import { RedisServer, freePort, until } from './redis_server.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 30_000 };
const readyLimitMs = 10_000;
const secret = 'open-sesame';
const folder = mkdtempSync(join(tmpdir(), 'carillon-wires-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const path = (name) => join(folder, name);
const certificates = new Certificates(folder);

const authority = ['--bus-tls-ca-file', path('authority.pem')];
const shown = ['--bus-tls-certificate-file', path('gateway.pem'), '--bus-tls-key-file', path('gateway.key')];
const quick = ['--shards', '1', '--bus-backoff-min-ms', '10', '--bus-backoff-max-ms', '50'];

let redis, tlsPort;
before(async () => {
  for (const name of ['authority', 'stranger']) certificates.authority(name);
  certificates.certificate('server', 'authority', 'IP:127.0.0.1,DNS:bus.example');
  certificates.certificate('gateway', 'authority', 'DNS:gateway.example');
  certificates.certificate('foreign', 'stranger', 'DNS:gateway.example');
  tlsPort = await freePort();
  redis = await RedisServer.start({ flags: ['--tls-port', String(tlsPort), '--tls-cert-file', path('server.pem'),
    '--tls-key-file', path('server.key'), '--tls-ca-cert-file', path('authority.pem'),
    '--unixsocket', path('redis.sock'), '--user', 'ann', 'on', `>${secret}`, '~*', '&*', '+@all'] });
});
after(() => redis?.kill());

async function gatewayOn(t, bus, ...flags) {
  const gateway = await startGateway({ bus, flags: [...quick, ...flags] });
  t.after(() => gateway.stop());
  return gateway;
}

const untilReady = (gateway) => until(async () => (await gateway.readiness()).status === 200, 'the gateway is ready');

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

describe('TLS to the bus', suite, () => {
  test('publications of all sizes go both ways, as a user with a password', limit, async (t) => {
    const gateway = await gatewayOn(t, `rediss://ann:${secret}@127.0.0.1:${tlsPort}`, ...authority, ...shown);
    await untilReady(gateway);
    const channel = freshChannel();
    const { subscription, heard } = await listen(t, gateway, channel);
    for (const size of [1, 1_000, 16_384, 60_000]) {
      await subscription.publish('x'.repeat(size));
      assert.equal((await heard.next()).data.length, size);
    }
    await redis.cliPipe(Array.from({ length: 2_000 }, (_, n) => `PUBLISH ${channel} "${n} ${'y'.repeat(1_000)}"`));
    const all = await heard.take(2_000);
    assert.deepEqual(all.map(({ data }) => Number(data.split(' ')[0])), Array.from({ length: 2_000 }, (_, n) => n));
    assert.match(await redis.cli('CLIENT', 'LIST'), /name=carillon .*user=ann/);
    assert.ok(!gateway.log.includes(secret));
  });

  test('a connection that is cut is made anew', limit, async (t) => {
    const gateway = await gatewayOn(t, `rediss://127.0.0.1:${tlsPort}`, ...authority, ...shown);
    await untilReady(gateway);
    const channel = freshChannel();
    const { heard } = await listen(t, gateway, channel);
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(async () => await gateway.metric('carillon_upstream_connects_total') === 2, 'it is connected again');
    await untilReady(gateway);
    await redis.cli('PUBLISH', channel, '1');
    assert.equal((await heard.next()).data, 1);
    assert.equal(await gateway.metric('carillon_upstream_failovers_total'), 0);
  });

  test('a wildcard is asked for over it, and again when it is cut', limit, async (t) => {
    const configuration = path('wildcard.toml');
    writeFileSync(configuration, 'anonymous = true\n[[namespace]]\nname = "wires"\nsubscribe = ["anonymous"]\nwildcard = true\n');
    const gateway = await startGateway({ dev: false, bus: `rediss://127.0.0.1:${tlsPort}`,
      flags: [...quick, ...authority, ...shown, '--config', configuration] });
    t.after(() => gateway.stop());
    await untilReady(gateway);
    const { heard } = await listen(t, gateway, 'wires:*');
    await redis.cli('PUBLISH', 'wires:a', '1');
    assert.deepEqual((await heard.next()).tags, { channel: 'wires:a' });
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(async () => await gateway.metric('carillon_upstream_connects_total') === 2, 'it is connected again');
    await untilReady(gateway);
    await redis.cli('PUBLISH', 'wires:b', '2');
    assert.deepEqual((await heard.next()).tags, { channel: 'wires:b' });
  });

  test('a name is asked for and looked at, whatever the address is', limit, async (t) => {
    const gateway = await gatewayOn(t, `rediss://127.0.0.1:${tlsPort}`, ...authority, ...shown, '--bus-tls-server-name', 'bus.example');
    await untilReady(gateway);
  });

  const refusals = [
    ['a certificate of somebody unknown', ['--bus-tls-ca-file', path('stranger.pem'), ...shown],
      /TLS: the certificate is not taken as that of 127\.0\.0\.1: (unable to get local issuer|self-signed) certificate/],
    ['a certificate for another name', [...authority, ...shown, '--bus-tls-server-name', 'other.example'],
      /TLS: the certificate is not taken as that of other\.example: hostname mismatch/],
    ['no certificate to be shown', authority, /TLS: .*certificate required/],
    ['a certificate that the server does not know', [...authority, '--bus-tls-certificate-file', path('foreign.pem'),
      '--bus-tls-key-file', path('foreign.key')], /TLS: .*unknown ca/],
  ];
  for (const [name, flags, reason] of refusals) {
    test(`${name}: one line says so`, limit, async (t) => {
      const gateway = await gatewayOn(t, `rediss://ann:${secret}@127.0.0.1:${tlsPort}`, ...flags);
      await until(async () => reason.test((await gateway.readiness()).body), 'the reason');
      assert.equal((await gateway.readiness()).status, 503);
      await until(async () => await gateway.metric('carillon_upstream_connect_failures_total') > 2, 'it is counted');
      assert.ok(gateway.log.split('\n').filter((line) => reason.test(line)).length <= 2, gateway.log);
      assert.ok(!gateway.log.includes(secret));
    });
  }

  test('files that are no good end the program with one line', limit, async () => {
    const { code, stderr } = await runCarillon('--dev', '--check-config', '--bus', `rediss://:${secret}@127.0.0.1:${tlsPort}`,
      '--bus-tls-ca-file', path('nowhere.pem'));
    assert.notEqual(code, 0);
    assert.match(stderr, /^\S*.*bus_tls_ca_file: .*nowhere\.pem cannot be read: No such file or directory\n$/);
    assert.ok(!stderr.includes(secret));
  });
});

test('a unix socket, with a user and a password', limit, async (t) => {
  const gateway = await gatewayOn(t, `unix:ann:${secret}@${path('redis.sock')}`);
  await untilReady(gateway);
  const channel = freshChannel();
  const { subscription, heard } = await listen(t, gateway, channel);
  await subscription.publish('there');
  assert.equal((await heard.next()).data, 'there');
  assert.match(gateway.log, new RegExp(`the bus is at ${path('redis.sock')}`));
  assert.ok(!gateway.log.includes(secret));
});
