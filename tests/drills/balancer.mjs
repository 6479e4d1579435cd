// A balancer loses half of its nodes: CLIENTS clients are on four gateways behind an HAProxy, two of the gateways are killed in the same moment. For
// people, not part of the tests; needs haproxy and redis-server:
//
//     node tests/drills/balancer.mjs [flags of carillon]
//
// CLIENTS (8000), RATE (1 publication a second to all) are variables. Exit code 1: somebody missed something, or who was on the other half was closed.
import { Crowd, inMs, now, number, sleep } from './crowd.mjs';
import { Balancer, channel, freePorts, inMb, memoryOf, Publisher, start } from './gateway_of_drill.mjs';
import { RedisServer } from '../node/redis_server.mjs';

const clients = number('CLIENTS', 8_000), rate = number('RATE', 1);
const redis = await RedisServer.start();
const ports = await Promise.all([1, 2, 3, 4].map(freePorts));
const gateways = await Promise.all(ports.map((its) => start({ ports: its, bus: redis.url, flags: process.argv.slice(2) })));
const balancer = await Balancer.start(ports);
const crowd = await Crowd.start({ port: balancer.port, clients, channel, recover: true, sampled: 50 });
const openAt = async (some) => Promise.all(some.map((each) => each.metric('carillon_connections_open')));
const publisher = new Publisher(() => gateways.slice(2), rate);
await sleep(4000);
const before = await crowd.figures(), spread = await openAt(gateways), quiet = memoryOf(gateways[2].pid).now;
await Promise.all(gateways.slice(0, 2).map((each) => each.kill()));
const killed = now();
const gone = async () => Object.values((await crowd.figures(false)).leftPerSecond).reduce((sum, each) => sum + each, 0);
while (await gone() < spread[0] + spread[1]) await sleep(10);
await crowd.whole();
const back = { took: now() - killed };
const during = await crowd.figures();
await sleep(3000);
const after = await crowd.figures();
await publisher.stop();
await crowd.heardTo(publisher.published);
const end = await crowd.figures();
const left = Object.values(end.leftPerSecond).reduce((sum, each) => sum + each, 0);
console.log(`${clients} clients on four gateways (${spread.join(', ')}), ${rate} publications a second to all; two gateways killed`);
console.log(`${left} lost their connection; all back after ${(back.took / 1000).toFixed(1)} s, on two gateways (${(await openAt(gateways.slice(2))).join(', ')})`);
console.log(`deliveries before: ${inMs(before.latencies)}`);
console.log(`deliveries until all were back: ${inMs(during.latencies)}`);
console.log(`deliveries after: ${inMs(after.latencies)}`);
console.log(`${publisher.published} publications: gaps ${end.gaps}, twice ${end.repeated}, not recovered ${end.unrecovered}, recovered ${end.recovered}, ` +
  `last offsets ${end.last.join(' to ')}; refused: ${JSON.stringify(end.refusals)}`);
console.log(`memory of one that stayed: ${inMb(quiet)} before, ${inMb(memoryOf(gateways[2].pid).most)} at most`);
await crowd.end();
await Promise.all(gateways.slice(2).map((each) => each.stop()));
balancer.stop();
await redis.kill();
const lostOnes = spread[0] + spread[1];
process.exit(end.gaps + end.repeated + end.unrecovered === 0 && end.last[0] === publisher.published && left <= lostOnes ? 0 : 1);
