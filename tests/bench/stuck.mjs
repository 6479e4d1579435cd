// Whether one client that reads nothing costs the others anything: the p99 of 10,000 who listen to one channel, without it and with it, in
// turns, for each policy of a namespace under which it stays.
//   node tests/bench/stuck.mjs
// GATEWAY_BINARY and BENCH_BINARY: the programs, without them those of build/release.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startGateway } from '../node/gateway.mjs';

const WebSocket = createRequire(new URL('../node/package.json', import.meta.url))('ws');
const bench = process.env.BENCH_BINARY ?? fileURLToPath(new URL('../../build/release/app/carillon-bench', import.meta.url));
const listeners = 10_000, rate = 10, seconds = 5, payloadBytes = 128, rounds = 3;

const folder = mkdtempSync(join(tmpdir(), 'carillon-stuck-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

async function p99(policy, hasStuck) {
  const file = join(folder, 'carillon.toml');
  writeFileSync(file, `anonymous = true\n[[namespace]]\nsubscribe = ["anonymous"]\nslow_consumer = "${policy}"\n`);
  const gateway = await startGateway({ dev: false, flags: ['--shards', '1', '--config', file, '--allowed-origins', '*'] });
  try {
    if (hasStuck) {
      const socket = new WebSocket(gateway.socketUrl, { perMessageDeflate: false });
      socket.on('error', () => {});
      await once(socket, 'open');
      socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"bench"}}');
      while (!`${(await once(socket, 'message'))[0]}`.includes('"id":2'));
      socket.pause();
      // Until what the kernel takes for it is full, too.
      const bus = connect(gateway.ports.bus, '127.0.0.1');
      const filling = 'x'.repeat(60_000);
      while (await gateway.metric('carillon_publications_dropped_total').catch(() => 0) === 0) {
        bus.write(`*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n$${filling.length}\r\n${filling}\r\n`);
        await once(bus, 'data');
      }
      bus.destroy();
    }
    const { stdout } = await promisify(execFile)(bench, ['fanout', '--url', gateway.socketUrl, '--publish', `redis://127.0.0.1:${gateway.ports.bus}`,
      '--connections', `${listeners}`, '--rate', `${rate}`, '--duration', `${seconds}`, '--warm-up', '3', '--payload-bytes', `${payloadBytes}`,
      '--json', '-', '--quiet'], { maxBuffer: 1 << 26 });
    const { deliveries, lost, dropped } = JSON.parse(stdout);
    if (lost + dropped > 0) throw new Error(`lost ${lost}, dropped ${dropped}`);
    const behind = await gateway.metric('carillon_publications_dropped_total').catch(() => 0);
    if (hasStuck !== (behind > 0)) throw new Error(`${behind} were behind`);
    return { p99: deliveries.latency.p99_ns / 1e6, behind };
  } finally {
    await gateway.stop();
  }
}

for (const policy of ['drop_oldest', 'keep_latest']) {
  const all = { without: [], with: [] };
  for (let round = 0; round < rounds; ++round)
    for (const which of ['without', 'with']) all[which].push(await p99(policy, which === 'with'));
  const line = (some) => some.map((each) => each.p99.toFixed(1)).join(', ');
  console.log(`${policy.padEnd(12)} p99 of ${listeners}: without ${line(all.without)} ms; with one that reads nothing ${line(all.with)} ms`);
}
