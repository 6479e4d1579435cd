// Makes the tables of docs/performance.md and the chart of what run.sh has measured.
//
//   node docs/performance/peers/report.mjs RESULTS-DIRECTORY
//
// What a peer costs beside Carillon is a ratio made round by round, of two runs that followed each other.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { panelChart } from '../charts.mjs';
import { count, fill, here, page, show, table, time } from '../page.mjs';
import { median, readResults } from '../results.mjs';

const directory = process.argv[2];
if (!directory) {
    console.error('report.mjs RESULTS-DIRECTORY');
    process.exit(2);
}
const { scenes, values } = readResults(directory);

const names = { centrifugo: 'Centrifugo', gobwas: 'gobwas/ws', uwebsockets: 'uWebSockets', nchan: 'Nchan' };
const peers = Object.keys(names).filter((name) => scenes[`beside-${name}-fanout`]?.[name]);
if (peers.length === 0) {
    console.error(`${directory} has nothing of any peer`);
    process.exit(2);
}

// --- what was measured

const resident = 'memory.bytes_per_connection.resident';
const kernel = 'memory.bytes_per_connection.kernel';
const connectCpu = 'handshakes.server_cpu_ns_each';
const deliveryCpu = 'deliveries.server_cpu_ns_each';
const p99 = 'deliveries.latency.p99_ns';
/** Processor seconds for a million are microseconds for one. */
const seconds = (nanoseconds) => (nanoseconds === undefined ? '-' : `${show(nanoseconds / 1000, 1)} s`);

/** Carillon's own figure: of all its runs, whoever was measured beside it. */
const own = (scene, path) => median(peers.flatMap((peer) => values(`beside-${peer}-${scene}`, 'carillon', path)));

/** {value, times}: the peer's figure, and how often Carillon's goes into it; times is undefined if one is missing. */
function beside(peer, scene, path) {
    const name = `beside-${peer}-${scene}`;
    const theirs = values(name, peer.split('-')[0], path), ours = values(name, 'carillon', path);
    return { value: median(theirs), times: median(theirs.map((value, round) => value / ours[round])) };
}
const times = (ratio) => (ratio === undefined ? '' : ` (${show(ratio, ratio < 10 ? 2 : 0)} ×)`);
const cell = (write, { value, times: ratio }) => (value === undefined ? '-' : write(value) + times(ratio));

const rounds = Math.max(...peers.map((peer) => values(`beside-${peer}-fanout`, peer, deliveryCpu).length));

const rows = [
    ['resident bytes per idle connection', count, 'idle', resident],
    ["... the kernel's, both ends of it", count, 'idle', kernel],
    ['connect storm: server CPU per connection', time, 'storm', connectCpu],
    ['... connections/s', count, 'storm', 'handshakes.per_second'],
    ['one channel: server CPU for a million deliveries', seconds, 'fanout', deliveryCpu],
    ['... p99', time, 'fanout', p99],
    ['... one publication after the other: deliveries/s', count, 'limit', 'deliveries.per_second'],
    ['to one each: server CPU per message', time, 'unicast', deliveryCpu],
    ['... p99', time, 'unicast', p99],
];
const tables = {
    peers: table(['', 'Carillon', ...peers.map((peer) => names[peer])], rows.map(([label, write, scene, path]) =>
        [label, cell(write, { value: own(scene, path) }), ...peers.map((peer) => cell(write, beside(peer, scene, path)))])),
    'peers-run': `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, on ${Object.values(scenes[`beside-${peers[0]}-fanout`])[0].find(Boolean).began.slice(0, 10)}.`,
};

if (scenes['beside-centrifugo-tokens-storm']) {
    const alike = (label, write, peer, scene, path) => [label,
        cell(write, { value: median(values(`beside-${peer}-${scene}`, 'carillon', path)) }), cell(write, beside(peer, scene, path))];
    tables['peers-features'] = table(['', 'Carillon', 'Centrifugo'], [
        alike('connect storm with tokens: server CPU per connection', time, 'centrifugo-tokens', 'storm', connectCpu),
        alike('... connections/s', count, 'centrifugo-tokens', 'storm', 'handshakes.per_second'),
        alike('a channel with history and recovery: server CPU for a million deliveries', seconds, 'centrifugo-history', 'fanout', deliveryCpu),
        alike('... p99', time, 'centrifugo-history', 'fanout', p99),
        alike('... one publication after the other: deliveries/s', count, 'centrifugo-history', 'limit', 'deliveries.per_second'),
    ]);
}
fill(page, tables);

// --- the chart

const panel = (label, write, scene, path) => ({
    label,
    note: `Carillon: ${write(own(scene, path))}`,
    bars: [
        { label: 'Carillon', value: 1, text: '1', strong: true },
        ...peers.map((peer) => ({ label: names[peer], ratio: beside(peer, scene, path).times }))
            .filter(({ ratio }) => ratio !== undefined)
            .map(({ label: name, ratio }) => ({ label: name, value: ratio, text: `${show(ratio, ratio < 10 ? 1 : 0)} ×` })),
    ],
});
writeFileSync(join(here, 'peers.svg'), panelChart({
    title: 'What others need, in multiples of what Carillon needs (less is better)',
    panels: [
        panel('memory per idle connection', (value) => `${count(value)} bytes`, 'idle', resident),
        panel('server CPU per connect', time, 'storm', connectCpu),
        panel('server CPU per delivery', (value) => `${show(value / 1000, 1)} µs`, 'fanout', deliveryCpu),
        panel('p99 of a delivery to all', time, 'fanout', p99),
    ],
}));
