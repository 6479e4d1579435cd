// What a fault of the bus costs: two gateways on it, a client of each, a steady load into channels with streams and without, and one fault.
//   node tests/drills/bus/drill.mjs [FAULT...]      the faults are named in faults.mjs; without a name, all of them
// For people: it takes seven minutes and needs redis-server. It prints the rows of the table in docs/bus.md, and ends with 1 if something that
// was acknowledged and is in the server was neither heard nor told of, or was heard twice.
// `update` needs the other version as OTHER_BINARY; without, it is the same one again.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startGateway } from '../../node/gateway.mjs';
import { until } from '../../node/redis_server.mjs';
import { faults } from './faults.mjs';
import { Listener, Load, account, configuration } from './load.mjs';

const beforeMs = 3_000, afterMs = 6_000, patienceMs = 20_000;
process.setMaxListeners(0); // one for each server
const folder = mkdtempSync(join(tmpdir(), 'carillon-drill-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'carillon.toml');
writeFileSync(path, configuration);

const isReady = async (gateway) => {
  const { status, body } = await gateway.readiness().catch(() => ({}));
  return status === 200 && body === 'ready\n';
};

/** How long the gateways were not all ready, from the first moment to the last. */
function watch(gateways) {
  let from, to, watching = true;
  const done = (async () => {
    for (; watching; await delay(20)) {
      const now = Date.now();
      if ((await Promise.all(gateways.map(isReady))).every(Boolean)) continue;
      from ??= now;
      to = Date.now();
    }
  })();
  return async () => {
    watching = false;
    await done;
    return from === undefined ? 'none' : `${((to - from) / 1_000).toFixed(1)} s`;
  };
}

async function drill(name) {
  const [title, startBus, fault] = faults[name];
  const bus = await startBus(mkdtempSync(join(folder, 'bus-')));
  const start = (program, url = bus.urls[0]) => startGateway({ program, dev: false, bus: url, flags: ['--config', path, ...bus.flags] });
  const gateways = await Promise.all(bus.urls.map((url) => start(undefined, url)));
  const allReady = () => until(async () => (await Promise.all(gateways.map(isReady))).every(Boolean), 'the gateways are ready');
  await allReady();
  // Each has one of its own, as long as that is there.
  const own = [...gateways];
  const listeners = own.map((its) => new Listener(() => (gateways.includes(its) ? its : gateways[0])));
  await Promise.all(listeners.map((each) => each.ready()));

  const load = new Load(() => gateways);
  await delay(beforeMs);
  const awayFor = watch(gateways);
  await fault({ ...bus, gateways, start });
  await allReady();
  await delay(afterMs);
  await load.stop();
  const away = await awayFor();
  const end = Date.now() + patienceMs;
  let sum = await account(load, listeners, gateways[0]);
  for (; sum.lost > 0 && Date.now() < end; sum = await account(load, listeners, gateways[0])) await delay(500);
  const row = [title, `${sum.acknowledged} of ${load.asked.kept}`, sum.gone, sum.lost, sum.toldOf, sum.doubled, sum.outOfOrder, sum.told,
    `${sum.plain} of ${load.asked.plain}`, sum.plainLost, away];
  console.log(`| ${row.join(' | ')} |`);
  if (sum.lost > 0 || sum.doubled > 0 || sum.outOfOrder > 0) process.exitCode = 1;
  for (const { made } of listeners) made.disconnect();
  await Promise.all(gateways.map((each) => each.stop()));
  await bus.kill();
}

const chosen = process.argv.slice(2);
const columns = ['fault', 'acknowledged', 'gone', 'lost', 'told of', 'doubled', 'out of order', 'told', 'plain: acknowledged', 'plain: lost', 'not ready'];
console.log(`| ${columns.join(' | ')} |\n|${'---|'.repeat(columns.length)}`);
for (const name of chosen.length ? chosen : Object.keys(faults)) await drill(name);
process.exit();
