// Tokens made by a JWT library that people use, shown by the unmodified Centrifuge SDK.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge, SubscriptionState } from 'centrifuge';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import * as shared from './gateway.mjs';
import { keepEvents, runCarillon, startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 20_000 };
const readyLimitMs = 10_000;
/** Without a namespace, since there are none here. */
const freshChannel = () => shared.freshChannel().replace(':', '-');
const secret = 'a secret of these tests, of 32 bytes and more';

const apiKey = 'open-sesame';

const folder = mkdtempSync(join(tmpdir(), 'carillon-tokens-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** A file of this content, for an option that names one. */
function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const pem = { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } };
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048, ...pem });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256', ...pem });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521', ...pem });

/** A client of the SDK; disconnected when the test ends. */
function client(t, gateway, options) {
  const made = new Centrifuge(gateway.socketUrl, {
    websocket: WebSocket, minReconnectDelay: 20, maxReconnectDelay: 200, ...options,
  });
  t.after(() => made.disconnect());
  return made;
}

async function connected(t, gateway, claims, options = {}) {
  const made = client(t, gateway, { token: jwt.sign(claims, secret), ...options });
  made.connect();
  await made.ready(readyLimitMs);
  return made;
}

/**
 * Waits until what `made` has to send now has been answered: replies come in the order of the commands, and this one's is
 * error 108. A client that is disconnected meanwhile gets another one.
 */
async function answered(made) {
  await new Promise(setImmediate); // so that what a promise has just brought about is sent
  await assert.rejects(made.rpc('nothing', {}), { code: 108 });
}

describe('tokens', suite, () => {
  let gateway;
  before(async () => {
    gateway = await startGateway({
      dev: false,
      flags: ['--shards', '2', '--token-hmac-secret-file', file('secret', `${secret}\n`),
        '--token-public-key-files', file('rsa.pem', rsa.publicKey), '--token-public-key-files', file('p256.pem', p256.publicKey),
        '--token-public-key-files', file('p521.pem', p521.publicKey), '--api-key-file', file('api', apiKey)],
    });
  });
  after(() => gateway?.stop());

  for (const [algorithm, key] of [['HS256', secret], ['HS384', secret], ['HS512', secret], ['RS256', rsa.privateKey],
    ['RS384', rsa.privateKey], ['RS512', rsa.privateKey], ['PS256', rsa.privateKey], ['ES256', p256.privateKey],
    ['ES512', p521.privateKey]]) {
    test(`one signed with ${algorithm} lets its user in`, limit, async (t) => {
      const made = client(t, gateway, { token: jwt.sign({ sub: '42' }, key, { algorithm }) });
      made.connect();
      await made.ready(readyLimitMs);
    });
  }

  test('a wrong one ends the connection for good', limit, async (t) => {
    const made = client(t, gateway, { token: jwt.sign({ sub: '42' }, `not ${secret}`) });
    const ends = keepEvents(made, 'disconnected');
    made.connect();
    assert.equal((await ends.next()).code, 3500);
  });

  test('no token does, too', limit, async (t) => {
    const made = client(t, gateway, {});
    const ends = keepEvents(made, 'disconnected');
    made.connect();
    assert.equal((await ends.next()).code, 3501);
  });

  test('in place of one whose time is over the SDK fetches another', limit, async (t) => {
    const made = client(t, gateway, {
      token: jwt.sign({ sub: '42', exp: 1_000_000_000 }, secret),
      getToken: async () => jwt.sign({ sub: '42' }, secret),
    });
    made.connect();
    await made.ready(readyLimitMs);
  });

  test('before the end of one the SDK shows another, and stays', limit, async (t) => {
    let fetched = 0;
    const asked = new EventTarget();
    const made = await connected(t, gateway, { sub: '42' }, {
      token: jwt.sign({ sub: '42', exp: Math.floor(Date.now() / 1000) + 2 }, secret),
      getToken: async () => {
        ++fetched;
        asked.dispatchEvent(new Event('fetched'));
        return jwt.sign({ sub: '42' }, secret);
      },
    });
    const ends = keepEvents(made, 'disconnected');
    await new Promise((resolve) => asked.addEventListener('fetched', resolve, { once: true }));
    await answered(made);
    assert.equal(fetched, 1);
    assert.equal(ends.unread, 0);
  });

  test('one for a channel opens it', limit, async (t) => {
    const channel = freshChannel();
    const made = await connected(t, gateway, { sub: '42', info: { name: 'Ann' } });
    const subscription = made.newSubscription(channel, {
      getToken: async () => jwt.sign({ sub: '42', channel, info: { role: 'x' } }, secret),
    });
    const publications = keepEvents(subscription, 'publication');
    subscription.subscribe();
    await subscription.ready(readyLimitMs);
    assert.equal(await gateway.redisCli('PUBLISH', channel, '{"n":1}'), '1');
    assert.deepEqual((await publications.next()).data, { n: 1 });
  });

  test('without one nobody gets a channel where no namespace allows it', limit, async (t) => {
    const made = await connected(t, gateway, { sub: '42' });
    const subscription = made.newSubscription(freshChannel());
    const ends = keepEvents(subscription, 'unsubscribed');
    subscription.subscribe();
    assert.equal((await ends.next()).code, 103);
  });

  test('one for another channel ends the connection', limit, async (t) => {
    const made = await connected(t, gateway, { sub: '42' });
    const ends = keepEvents(made, 'disconnected');
    const subscription = made.newSubscription(freshChannel(), {
      getToken: async () => jwt.sign({ sub: '42', channel: 'another' }, secret),
    });
    subscription.subscribe();
    assert.equal((await ends.next()).code, 3500);
  });

  test('a subscription is prolonged before its token ends', limit, async (t) => {
    const channel = freshChannel();
    const made = await connected(t, gateway, { sub: '42' });
    let shown = 0;
    const again = new EventTarget();
    const subscription = made.newSubscription(channel, {
      getToken: async () => {
        if (++shown === 2) again.dispatchEvent(new Event('second'));
        return jwt.sign({ sub: '42', channel, exp: Math.floor(Date.now() / 1000) + (shown === 1 ? 2 : 3600) }, secret);
      },
    });
    const second = new Promise((resolve) => again.addEventListener('second', resolve, { once: true }));
    subscription.subscribe();
    await subscription.ready(readyLimitMs);
    await second;
    await answered(made);
    assert.equal(subscription.state, SubscriptionState.Subscribed);
  });

  test('channels in one are subscribed by the server', limit, async (t) => {
    const channel = freshChannel();
    const made = client(t, gateway, { token: jwt.sign({ sub: '42', channels: [channel] }, secret) });
    const subscribed = keepEvents(made, 'subscribed');
    const publications = keepEvents(made, 'publication');
    made.connect();
    assert.equal((await subscribed.next()).channel, channel);
    assert.equal(await gateway.redisCli('PUBLISH', channel, '"x"'), '1');
    const heard = await publications.next();
    assert.deepEqual([heard.channel, heard.data], [channel, 'x']);
  });

  test('whose it is, the server API subscribes, unsubscribes and disconnects', limit, async (t) => {
    const channel = freshChannel();
    const made = await connected(t, gateway, { sub: 'a user of this test alone' });
    const [subscribed, publications, unsubscribed, ends] =
      ['subscribed', 'publication', 'unsubscribed', 'disconnected'].map((event) => keepEvents(made, event));
    const who = { user: 'a user of this test alone' };
    assert.deepEqual(await gateway.api('subscribe', { ...who, channel }, apiKey), { result: {} });
    assert.equal((await subscribed.next()).channel, channel);
    assert.deepEqual(await gateway.api('publish', { channel, data: { n: 1 } }, apiKey), { result: {} });
    assert.deepEqual((await publications.next()).data, { n: 1 });
    assert.deepEqual(await gateway.api('unsubscribe', { ...who, channel }, apiKey), { result: {} });
    assert.equal((await unsubscribed.next()).channel, channel);
    assert.deepEqual(await gateway.api('disconnect', { ...who, disconnect: { code: 4500, reason: 'bye' } }, apiKey), { result: {} });
    assert.deepEqual((({ code, reason }) => [code, reason])(await ends.next()), [4500, 'bye']);
  });

  test('one that `carillon token` prints is good', limit, async (t) => {
    const channel = freshChannel();
    const from = ['--token-hmac-secret-file', join(folder, 'secret')];
    const own = await runCarillon('token', '--user', '42', '--ttl', '1h', '--info', '{"name":"Ann"}', ...from);
    assert.deepEqual([own.code, own.stderr], [0, '']);
    assert.deepEqual(jwt.verify(own.stdout.trim(), secret).info, { name: 'Ann' });
    const forChannel = await runCarillon('token', '--user', '42', '--channel', channel, ...from);
    const made = client(t, gateway, { token: own.stdout.trim() });
    made.connect();
    await made.ready(readyLimitMs);
    const subscription = made.newSubscription(channel, { token: forChannel.stdout.trim() });
    subscription.subscribe();
    await subscription.ready(readyLimitMs);
  });

  for (const [what, args, line] of [
    ['no key', ['--user', '42'], /^nothing to sign with: give --token-hmac-secret-file/],
    ['no time', ['--ttl', 'soon', '--token-hmac-secret', secret], /^--ttl: 'soon' is no time/],
    ['no JSON', ['--info', '{', '--token-hmac-secret', secret], /^--info: this is not JSON/],
    ['an unknown flag', ['--users', '42', '--token-hmac-secret', secret], /^flag '--users' is not known/],
  ]) {
    test(`\`carillon token\` with ${what} says so in one line`, limit, async () => {
      const { code, stdout, stderr } = await runCarillon('token', ...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, line);
      assert.equal(stderr.trim().split('\n').length, 1);
      assert.ok(!stderr.includes(secret));
    });
  }
});

describe('keys', suite, () => {
  for (const [what, flags, line] of [
    ['no file', ['--token-public-key-files', join(folder, 'none.pem')], /none\.pem/],
    ['no key', ['--token-public-key-files', file('text.pem', 'a text')], /text\.pem/],
    ['a public key as a secret', ['--token-hmac-secret-file', file('public', p256.publicKey)], /./],
  ]) {
    test(`${what} is a mistake of the configuration`, limit, async () => {
      const { code, stderr } = await runCarillon('--check-config', ...flags);
      assert.equal(code, 2);
      assert.match(stderr, line);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }

  test('without any, the log says that nobody can connect', limit, async () => {
    const gateway = await startGateway({ dev: false });
    try {
      assert.match(gateway.log, /nobody can connect: give a key for tokens/);
    } finally {
      await gateway.stop();
    }
  });
});
