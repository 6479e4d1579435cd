// All send in the same instant: each of CLIENTS clients publishes to a channel of its own, ROUNDS times, all of them at once, with few leases for
// them; WATCHERS others are published to RATE times a second. For people, not part of the tests:
//
//     node tests/drills/instant.mjs [flags of carillon]
//
// Exit code 1: somebody got no answer or an error, was closed, or missed something.
import { Crowd, inMs, number, sleep } from './crowd.mjs';
import { inMb, memoryOf, Publisher, start } from './gateway_of_drill.mjs';

const clients = number('CLIENTS', 15_000), watchers = number('WATCHERS', 200), rate = number('RATE', 20), rounds = number('ROUNDS', 3);
const gateway = await start({ flags: process.argv.slice(2) });
const staying = await Crowd.start({ port: gateway.ports.client, clients: watchers, channel: 'others', role: 'watcher' });
const sending = await Crowd.start({ port: gateway.ports.client, clients, channel: 'own', own: true, sampled: 1000 });
const publisher = new Publisher(() => [gateway], rate, 'others');
await sleep(3000);
const before = await staying.figures();
const quiet = memoryOf(gateway.pid).now;
const all = [], errors = {};
for (let i = 0; i < rounds; ++i) {
  const { took, waits, errors: these } = await sending.sendAll(`{"id":3,"publish":{"channel":"{channel}","data":{"n":${i}}}}`);
  all.push(`${(took / 1000).toFixed(2)} s (${inMs(waits)})`);
  for (const [code, count] of Object.entries(these)) errors[code] = (errors[code] ?? 0) + count;
}
const during = await staying.figures();
await publisher.stop();
await sleep(1000);
const theirs = await sending.figures(), others = await staying.figures();
const lost = publisher.published * watchers - others.heard;
console.log(`${clients} clients each send a command in the same instant, ${rounds} times; ${watchers} others are published to ${rate} times a second`);
all.forEach((text, i) => console.log(`round ${i + 1}: all answered after ${text}`));
console.log(`errors: ${JSON.stringify(errors)}; still connected: ${theirs.open}; each heard its own: ${theirs.heard} of ${clients * rounds}`);
console.log(`leases ${await gateway.metric('carillon_work_pool_leases')}, waits for one ${await gateway.metric('carillon_work_pool_waits_total')}`);
console.log(`the others before: ${inMs(before.latencies)}`);
console.log(`the others meanwhile: ${inMs(during.latencies)}; ${others.open} of ${watchers} connected, ${lost} deliveries missing`);
console.log(`memory of the gateway: ${inMb(quiet)} before, ${inMb(memoryOf(gateway.pid).most)} at most`);
await Promise.all([staying.end(), sending.end()]);
await gateway.stop();
process.exit(Object.keys(errors).length + lost === 0 && theirs.open === clients && theirs.heard === clients * rounds ? 0 : 1);
