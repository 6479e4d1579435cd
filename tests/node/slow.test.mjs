// Clients that read nothing for a while, as their SDK sees what namespaces make of it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { startGateway } from './gateway.mjs';

const limit = { timeout: 60_000 };
const apiKey = 'open-sesame';
const folder = mkdtempSync(join(tmpdir(), 'carillon-slow-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
client_outbox_bytes_max = 300_000
[[namespace]]
name = "told"
subscribe = ["anonymous"]
history_size = 300
recovery = "stream"
slow_consumer = "drop_oldest"
[[namespace]]
name = "price"
subscribe = ["anonymous"]
history_size = 1
recovery = "cache"
slow_consumer = "keep_latest"
`);

describe('a client that reads nothing for a while', limit, () => {
  let gateway;
  before(async () => {
    gateway = await startGateway({ dev: false, flags: ['--config', configuration] });
  });
  after(() => gateway.stop());

  async function slowClient(t, channel) {
    let socket;
    class PausedSocket extends WebSocket {
      constructor(...args) {
        super(...args);
        socket = this;
      }
    }
    const made = new Centrifuge(gateway.socketUrl, { websocket: PausedSocket });
    t.after(() => made.disconnect());
    const heard = [];
    const subscription = made.newSubscription(channel);
    subscription.on('publication', ({ data }) => heard.push(data.n));
    subscription.subscribe();
    made.connect();
    await subscription.ready();
    return { made, heard, subscription, pause: () => socket._socket.pause(), resume: () => socket._socket.resume() };
  }

  let published = 0;
  const publish = (channel) => gateway.api('publish', { channel, data: { n: ++published, fill: 'x'.repeat(60_000) } }, apiKey);
  const allHeard = async ({ subscription, heard }) => {
    while (heard.at(-1) !== published) await new Promise((resolve) => subscription.once('publication', resolve));
  };

  test('is told what it lacks, where there is a stream', limit, async (t) => {
    published = 0;
    const client = await slowClient(t, 'told:a');
    const lost = [];
    client.made.on('connecting', (event) => lost.push(event));
    client.pause();
    while (await gateway.metric('carillon_subscriptions_cut_total') === 0) {
      await publish('told:a');
      await publish('told:a');
    }
    const again = new Promise((resolve) => client.subscription.once('subscribed', resolve));
    const left = new Promise((resolve) => client.subscription.once('subscribing', resolve));
    client.resume();
    assert.equal((await left).code, 2500);
    const { wasRecovering, recovered } = await again;
    // It lacks more than one answer may hold (history_bytes_max), and is told so.
    assert.deepEqual({ wasRecovering, recovered }, { wasRecovering: true, recovered: false });
    await publish('told:a');
    await allHeard(client);
    assert.ok(client.heard.length < published);
    assert.deepEqual(lost, []);
    assert.equal(await gateway.metric('carillon_subscriptions_cut_total'), 1);
  });

  test('has the newest, and stays, where that is what counts', limit, async (t) => {
    published = 0;
    const client = await slowClient(t, 'price:a');
    const lost = [];
    client.made.on('connecting', (event) => lost.push(event));
    client.pause();
    const before = await gateway.metric('carillon_publications_dropped_total');
    while (await gateway.metric('carillon_publications_dropped_total') < before + 20) await publish('price:a');
    client.resume();
    await allHeard(client);
    assert.ok(client.heard.length < published);
    assert.deepEqual(client.heard, client.heard.toSorted((a, b) => a - b));
    assert.deepEqual(lost, []);
  });
});
