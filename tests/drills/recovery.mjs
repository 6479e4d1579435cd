// Everybody comes back at once and wants what was missed: CLIENTS clients with tokens are on one channel with history, lose their connections in one
// moment, and MISSED publications are made before they are back. For people, not part of the tests:
//
//     node tests/drills/recovery.mjs [flags of carillon]
//
// CLIENTS (15000), MISSED (20), WATCHERS (200), RATE (20 a second, to others who stay) are variables. Exit code 1: somebody missed something.
import { Crowd, inMs, key, now, number, sleep } from './crowd.mjs';
import { channel, inMb, memoryOf, Publisher, start } from './gateway_of_drill.mjs';

const clients = number('CLIENTS', 15_000), missed = number('MISSED', 20), watchers = number('WATCHERS', 200), rate = number('RATE', 20);
const gateway = await start({ flags: process.argv.slice(2) });
const staying = await Crowd.start({ port: gateway.ports.client, clients: watchers, channel: 'others', role: 'watcher' });
const returning = await Crowd.start({ port: gateway.ports.client, clients, channel, recover: true, sampled: 1000 });
const publisher = new Publisher(() => [gateway], rate, 'others');
await sleep(3000);
const before = await staying.figures();
const quiet = memoryOf(gateway.pid).now;
const breaking = returning.breakAll();
for (let i = 0; i < missed; ++i) await gateway.api('publish', { channel, data: { n: i, filler: 'x'.repeat(80) } }, key);
const published = now();
const back = await breaking;
const during = await staying.figures();
await sleep(1000);
await publisher.stop();
const theirs = await returning.figures(), others = await staying.figures();
const lost = publisher.published * watchers - others.heard;
console.log(`${clients} clients with tokens, who come back at once; ${missed} publications meanwhile; ${watchers} others who are published to ${rate} times a second`);
console.log(`all back after ${(back.took / 1000).toFixed(1)} s (the last publication was made ${((now() - published) / 1000).toFixed(1)} s before this line); each: ${inMs(theirs.waits)}`);
console.log(`of ${clients * missed} that were missed or came: ${theirs.recovered} were recovered, ${theirs.heard - theirs.recovered} came as usual; ` +
  `gaps ${theirs.gaps}, twice ${theirs.repeated}, not recovered ${theirs.unrecovered}, last offsets ${theirs.last.join(' to ')}; refused: ${JSON.stringify(theirs.refusals)}`);
console.log(`the others before: ${inMs(before.latencies)}`);
console.log(`the others meanwhile: ${inMs(during.latencies)}; ${others.open} of ${watchers} connected, ${lost} deliveries missing, ${others.pings} pings answered`);
console.log(`memory of the gateway: ${inMb(quiet)} before, ${inMb(memoryOf(gateway.pid).most)} at most`);
await Promise.all([staying.end(), returning.end()]);
await gateway.stop();
const good = theirs.gaps + theirs.repeated + theirs.unrecovered + lost === 0 && theirs.last[0] === missed && theirs.heard === clients * missed;
process.exit(good ? 0 : 1);
