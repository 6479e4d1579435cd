// A rolling update: CLIENTS clients are on three gateways behind an HAProxy, on a channel with a stream on a Redis; one gateway after the other gets
// SIGTERM, ends within its drain window, and is started anew. For people, not part of the tests; needs haproxy and redis-server:
//
//     node tests/drills/rolling.mjs [CHART.svg]
//
// CLIENTS (9000), RATE (1 publication a second to all), WINDOW_S (10) are variables. Exit code 1: somebody missed something or heard it twice.
import { writeFileSync } from 'node:fs';
import { columnChart } from '../../docs/performance/charts.mjs';
import { Crowd, inMs, now, number, sleep } from './crowd.mjs';
import { Balancer, channel, freePorts, Publisher, start } from './gateway_of_drill.mjs';
import { RedisServer } from '../node/redis_server.mjs';

const clients = number('CLIENTS', 9_000), rate = number('RATE', 1), windowMs = 1000 * number('WINDOW_S', 10);
const redis = await RedisServer.start();
const ports = await Promise.all([1, 2, 3].map(freePorts));
const one = (its) => start({ ports: its, bus: redis.url, flags: ['--drain-delay-ms', '1000', '--drain-window-ms', String(windowMs)] });
const gateways = await Promise.all(ports.map(one));
const balancer = await Balancer.start(ports);
const crowd = await Crowd.start({ port: balancer.port, clients, channel, recover: true, sampled: 50 });
let ready = [...gateways];
const publisher = new Publisher(() => ready, rate);
await sleep(5000);
const before = await crowd.figures();
const began = now(), marks = [];
for (let i = 0; i < gateways.length; ++i) {
  marks.push({ at: (now() - began) / 1000, label: `node ${i + 1}: SIGTERM` });
  if (process.env.TELL) console.error('SIGTERM', i + 1);
  ready = gateways.filter((each) => each !== gateways[i]);
  await gateways[i].stop();
  marks.push({ at: (now() - began) / 1000, label: 'anew' });
  gateways[i] = await one(ports[i]);
  ready = [...gateways];
  if (process.env.TELL) console.error('anew', JSON.stringify((({ open, refusals }) => ({ open, refusals }))(await crowd.figures(false))));
  await crowd.whole();
  await sleep(3000);
}
const during = await crowd.figures(), took = (now() - began) / 1000;
await sleep(3000);
await publisher.stop();
await crowd.heardTo(publisher.published);
const end = await crowd.figures();
const from = Math.floor(began / 1000), seconds = Array.from({ length: Math.ceil(took) + 1 }, (_, i) => end.perSecond[from + i] ?? 0);
console.log(`${clients} clients on three gateways, ${rate} publications a second to all; each gateway anew, drain window ${windowMs / 1000} s, delay 1 s`);
console.log(`took ${took.toFixed(0)} s; reconnects ${seconds.reduce((sum, each) => sum + each, 0)}, at most ${Math.max(...seconds)} in one second; closes: ${JSON.stringify(end.closes)}`);
console.log(`away for: ${inMs(during.waits)}; refused: ${JSON.stringify(end.refusals)}`);
console.log(`deliveries before: ${inMs(before.latencies)}`);
console.log(`deliveries meanwhile: ${inMs(during.latencies)}`);
console.log(`deliveries after: ${inMs(end.latencies)}`);
console.log(`${publisher.published} publications (taken after ${publisher.lateMs.toFixed(0)} ms at most): gaps ${end.gaps}, twice ${end.repeated}, not recovered ${end.unrecovered}, recovered ${end.recovered}, ` +
  `last offsets ${end.last.join(' to ')}`);
console.log(`at the end: ${(await Promise.all(gateways.map((each) => each.metric('carillon_connections_open')))).join(', ')} clients`);
if (process.argv[2]) {
  writeFileSync(process.argv[2], columnChart({ title: `Rolling update of three gateways with ${clients.toLocaleString('en-US')} clients`, unit: 'reconnects in this second',
    across: 'seconds', columns: seconds, marks }));
}
await crowd.end();
await Promise.all(gateways.map((each) => each.stop()));
balancer.stop();
await redis.kill();
process.exit(end.gaps + end.repeated + end.unrecovered === 0 && end.last[0] === publisher.published ? 0 : 1);
