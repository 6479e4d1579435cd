// Keys of tokens from a URL: an identity provider that changes them, fails, and comes back.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import { startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 30_000 };
const readyLimitMs = 20_000;

let made = 0;

/** A key with a name, and what its half that is open looks like. */
function newKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = `key-${++made}`;
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } };
}

const signed = (key, claims = { sub: '42' }) => jwt.sign(claims, key.privateKey, { algorithm: 'ES256', keyid: key.kid });

describe('keys from a URL', suite, () => {
  const first = newKey();
  let keys = [first];
  let fetches = 0;
  let fails = false;
  let provider;
  let gateway;

  before(async () => {
    provider = createServer((request, response) => {
      ++fetches;
      if (fails) return response.writeHead(503).end();
      return response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: keys.map((each) => each.jwk) }));
    });
    provider.listen(0, '127.0.0.1');
    await once(provider, 'listening');
    gateway = await startGateway({
      dev: false,
      flags: ['--shards', '2', '--token-jwks-url', `http://127.0.0.1:${provider.address().port}/jwks.json`,
        '--token-jwks-refetch-min-s', '1'],
    });
  });
  after(async () => {
    await gateway?.stop();
    provider?.closeAllConnections();
    provider?.close();
  });

  function client(t, token) {
    const it = new Centrifuge(gateway.socketUrl, { websocket: WebSocket, minReconnectDelay: 100, maxReconnectDelay: 300, token });
    t.after(() => it.disconnect());
    return it;
  }

  async function comesIn(t, token) {
    const it = client(t, token);
    it.connect();
    await it.ready(readyLimitMs);
    return it;
  }

  async function refused(t, token) {
    const it = client(t, token);
    const ended = once(it, 'disconnected');
    it.connect();
    const [context] = await ended;
    return context.code;
  }

  test('their tokens are good', limit, async (t) => {
    await comesIn(t, signed(first));
    assert.equal(fetches, 1);
  });

  test('a new key is fetched when the first token of it comes', limit, async (t) => {
    const second = newKey();
    keys = [first, second];
    // Within a second of the last fetch the keys count as fresh, and the client is refused for good.
    await new Promise((resolve) => { setTimeout(resolve, 1_100); });
    await Promise.all([comesIn(t, signed(second)), comesIn(t, signed(second)), comesIn(t, signed(first))]);
    assert.equal(fetches, 2);
  });

  test('a key that nobody has is refused, and costs one fetch however often it is shown', limit, async (t) => {
    const before_ = fetches;
    const forged = newKey();
    for (let i = 0; i < 20; ++i) assert.equal(await refused(t, signed(forged)), 3500);
    assert.ok(fetches - before_ <= 5, `${fetches - before_} fetches`);
  });

  test('a token by a key that is known by name, but of another pair, is refused', limit, async (t) => {
    assert.equal(await refused(t, signed({ ...newKey(), kid: first.kid })), 3500);
  });

  test('while the provider fails, old keys are good, and clients with a new one come again until it is there', limit, async (t) => {
    const third = newKey();
    keys = [first, third];
    fails = true;
    await new Promise((resolve) => { setTimeout(resolve, 1_100); });
    const waits = client(t, signed(third));
    const failed = once(waits, 'error');
    waits.connect();
    const [{ error }] = await failed;
    assert.equal(error.code, 100);
    await comesIn(t, signed(first));
    fails = false;
    await waits.ready(readyLimitMs);
    assert.ok(await gateway.metric('carillon_outward_requests_total') > 2);
  });
});
