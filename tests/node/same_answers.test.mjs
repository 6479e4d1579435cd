// The same conversations give the same answers, wherever the bus is.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { untilReady } from './bus_client.mjs';
import { buses, has } from './buses.mjs';
import { configurationOf, conversations } from './conversations.mjs';
import { startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 40_000 };

process.setMaxListeners(64); // one for each server
const folder = mkdtempSync(join(tmpdir(), 'carillon-answers-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const [keeping, plain] = [true, false].map((keeps) => {
  const path = join(folder, keeps ? 'keeping.toml' : 'plain.toml');
  writeFileSync(path, configurationOf(keeps));
  return path;
});

const noStreams = 'it keeps nothing: streams and presence need a Redis with RESP3';
const nothingKept = Object.fromEntries([
  'who a publication is from is told where publications are kept',
  'what is kept can be asked for, in pages, here and there',
  'a key publishes once, wherever it is asked, and an old version not at all',
  'who was away hears what he has missed',
  'whose connection is cut goes to another gateway and hears what he has missed',
  'who has missed more than is kept is told',
  'a cache gives the newest at once',
  'who comes and goes is told, and who is there can be asked',
  'when the connections to the bus are cut, clients need not know',
].map((name) => [name, noStreams]));
const noConnections = 'there are none';

/** What each bus cannot, and why; all else is the same. */
const table = {
  'the bus inside': {
    'when the connections to the bus are cut, clients need not know': noConnections,
    'when the connections to the bus are cut, it goes on': noConnections,
  },
  'a carillon-bus': nothingKept,
  'a Redis': {},
  'a Valkey': {},
  'a Redis without RESP3': nothingKept,
  'three Sentinels': {},
  'a cluster': {},
  'a cluster without RESP3': nothingKept,
  'a cluster with TLS': {},
  'three independent servers': {},
};

/** What is expected where it depends on how many gateways there are, or on what was said. */
const settled = (expected, context) => {
  if (typeof expected === 'function') return expected(context);
  if (expected === null || typeof expected !== 'object' || Array.isArray(expected)) return expected;
  return Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, settled(value, context)]));
};

test('each bus that can be started has a row', () => assert.deepEqual(Object.keys(table), Object.keys(buses)));

for (const [name, cannot] of Object.entries(table)) {
  const skip = name === 'a Valkey' && !has('valkey-server') ? 'there is no valkey-server here' : false;
  describe(`on ${name}`, { ...suite, skip }, () => {
    let bus, here, there;
    before(async () => {
      bus = await buses[name](mkdtempSync(join(folder, 'bus-')));
      const how = { dev: false, bus: bus.url, flags: ['--config', cannot === nothingKept ? plain : keeping, ...bus.flags] };
      here = await startGateway(how);
      there = bus.url ? await startGateway(how) : here;
      if (bus.url) await Promise.all([here, there].map(untilReady));
      else bus.publish = (channel, payload) => here.redisCli('PUBLISH', channel, payload);
    });
    after(async () => {
      for (const each of new Set([here, there])) await each?.stop();
      await bus?.kill();
    });

    for (const [what, talk, answers] of conversations) {
      test(what, { ...limit, skip: cannot[what] ?? false }, async (t) => {
        const said = await talk({ t, here, there, bus });
        assert.deepEqual(said, settled(answers, { here, there, bus, said }));
      });
    }
  });
}
