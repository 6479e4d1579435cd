// Makes the tables of docs/performance.md and README.md and the charts beside this file out of the results of measure.sh.
//
//   node docs/performance/render.mjs RESULTS-DIRECTORY
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { barChart, latencyChart, lineChart } from './charts.mjs';
import { count, fill, here, micros, page, readme, show, table, time } from './page.mjs';
import { median, ratio, readResults, targetsOf } from './results.mjs';

const directory = process.argv[2];
if (!directory) {
    console.error('render.mjs RESULTS-DIRECTORY');
    process.exit(2);
}

const results = readResults(directory);
const { scenes, values, value } = results;

// --- writing figures

const noise = (of) => (of?.noise === undefined ? '' : ` ± ${show(of.noise * 100, 0)} %`);
const showRatio = (of) => (of === undefined ? '-' : `${show(of.middle, 2)} ×${noise(of)}`);

// --- the tables

const servers = ['floor', 'carillon', 'idiomatic'];
const tables = {};
/** Whether `of` is on the right side of `bound`, and whether that is more than noise. */
function verdict(of, bound, holds) {
    if (of === undefined) return '-';
    const within = of.noise !== undefined && of.middle * (1 + of.noise) >= bound && of.middle / (1 + of.noise) <= bound;
    return `${holds(of.middle) ? 'yes' : '**no**'}${within ? ', within the noise' : ''}`;
}
const most = (of, bound) => verdict(of, bound, (middle) => middle <= bound);
const least = (of, bound) => verdict(of, bound, (middle) => middle >= bound);

{
    const at = targetsOf(results);
    const echo = at.echo === undefined ? undefined : { ...at.echo, middle: 1 / at.echo.middle };
    tables.targets = table(['what', 'target', 'measured', 'met'], [
        ['server CPU per delivery, one channel, 128 bytes', '≤ 1.05 × floor', showRatio(at.delivery), most(at.delivery, 1.05)],
        ['the same, 20 publishes in a burst', '≤ 0.2 × floor', showRatio(at.burst), most(at.burst, 0.2)],
        ['server CPU per connection accepted, upgraded, connected and subscribed', "≤ 1.4 × floor's accept and 101",
            `${showRatio(at.connection)}; ${showRatio(at.greeted)} of a floor that answers one message as well`, most(at.connection, 1.4)],
        ['command round trips/s, 64 connections', "≥ 0.95 × floor's echo",
            `${showRatio(echo)} by the CPU time for each; rates: ${showRatio(at.echoRateBeside)} beside each other, ` +
            `${showRatio(at.echoRateAlone)} alone`, least(echo, 0.95)],
        ['unicast, 15,000/s: server CPU per message', 'below uWebSockets: 26 to 31 µs',
            `${micros(at.unicastCpu?.middle)}${noise(at.unicastCpu)}; ${showRatio(at.unicast)} of the floor's`, most(at.unicastCpu, 26_000)],
        ['... p99', 'below uWebSockets: 1.7 to 2.6 ms', `${time(at.unicastTail?.middle)}${noise(at.unicastTail)}`, most(at.unicastTail, 1.7e6)],
        ['two shards beside one, deliveries/s', '≥ 1.7 ×', showRatio(at.shards), least(at.shards, 1.7)],
        ['... with `pin_shards`', '≥ 1.7 ×', showRatio(at.pinnedShards), least(at.pinnedShards, 1.7)],
        ['... two floors beside one, which share nothing', '-', showRatio(at.twoFloors), '-'],
    ]);
}

const roundsOf = (scene, server) => Object.values(scenes[scene]?.[server] ?? []).length;

/** A latency; where the server had no time left, it is that of a queue that grew for as long as it was measured. */
function latency(scene, server, path) {
    const spent = value(scene, server, 'deliveries.server_cpu_ns') / value(scene, server, 'deliveries.length_ns');
    return time(value(scene, server, path)) + (spent > 0.97 ? ' (overloaded)' : '');
}

{
    const cells = (scene, cell) => [...servers.map(cell), [...new Set(servers.map((server) => roundsOf(scene, server)))].join(', ')];
    const row = (name, write, scene, path) => [name, ...cells(scene, (server) => write(value(scene, server, path)))];
    const late = (name, scene, path) => [name, ...cells(scene, (server) => latency(scene, server, path))];
    tables.servers = table(['', 'floor', 'Carillon', 'idiomatic', 'rounds'], [
        row('resident bytes per idle connection', count, 'idle', 'memory.bytes_per_connection.resident'),
        row('server CPU per handshake', micros, 'fanout', 'handshakes.server_cpu_ns_each'),
        row('server CPU per delivery, one channel', micros, 'fanout', 'deliveries.server_cpu_ns_each'),
        late('... p50', 'fanout', 'deliveries.latency.p50_ns'),
        late('... p99', 'fanout', 'deliveries.latency.p99_ns'),
        row('server CPU per delivery, 20 in a burst', micros, 'burst', 'deliveries.server_cpu_ns_each'),
        late('... p99', 'burst', 'deliveries.latency.p99_ns'),
        row('command round trips/s, 64 connections', count, 'echo', 'round_trips.per_second'),
        row('... server CPU for each', micros, 'echo', 'round_trips.server_cpu_ns_each'),
        row('... p99', time, 'echo', 'round_trips.latency.p99_ns'),
        row('unicast, 15,000/s: server CPU per message', micros, 'unicast', 'deliveries.server_cpu_ns_each'),
        late('... p50', 'unicast', 'deliveries.latency.p50_ns'),
        late('... p99', 'unicast', 'deliveries.latency.p99_ns'),
        row('all reconnect at once: handshakes/s', count, 'storm', 'handshakes.per_second'),
        row('... server CPU for each', micros, 'storm', 'handshakes.server_cpu_ns_each'),
        row('... until back, p99', time, 'storm', 'handshakes.latency.p99_ns'),
        row('1,000 come and go each second: server CPU for each', micros, 'churn', 'handshakes.server_cpu_ns_each'),
    ]);
}

const holding = (server) => {
    const cpu = value('idle', server, 'holding.server_cpu_ns');
    const length = value('idle', server, 'holding.length_ns');
    return cpu === undefined || !length ? undefined : cpu / length;
};
const held = value('idle', 'carillon', 'parameters.connections');
tables.holding = table(['', 'Carillon', 'idiomatic'], [
    ['processor used while holding', ...['carillon', 'idiomatic'].map((name) => `${show((holding(name) ?? NaN) * 100, 2)} %`)],
    ['server CPU per ping and pong', ...['carillon', 'idiomatic'].map((name) => micros(value('idle', name, 'holding.server_cpu_ns_each')))],
]);

{
    const growth = (label, scene) => [
        label,
        micros(value(scene, 'carillon', 'deliveries.server_cpu_ns_each')),
        time(value(scene, 'carillon', 'deliveries.latency.p50_ns')),
        time(value(scene, 'carillon', 'deliveries.latency.p99_ns')),
        String(roundsOf(scene, 'carillon')),
    ];
    const head = ['', 'server CPU per delivery', 'p50', 'p99', 'rounds'];
    tables.growth = table(head, [
        growth('1,000 subscribers, 128 bytes', 'connections-1000'),
        growth('4,000 subscribers, 128 bytes', 'connections-4000'),
        growth(`${count(held ?? 18000)} subscribers, 128 bytes`, 'fanout'),
        growth('4,000 subscribers, 1 KiB', 'bytes-1024'),
        growth('4,000 subscribers, 8 KiB', 'bytes-8192'),
    ]);
    const many = held ?? 18000;
    tables.channels = table(head, [
        growth('1,000 channels, 1 subscriber each', 'channels-1000'),
        growth('4,000 channels, 1 subscriber each', 'channels-4000'),
        growth(`${count(many)} channels, 1 subscriber each`, 'unicast'),
        growth(`${count(many / 10)} channels, 10 subscribers each`, 'each-10'),
        growth(`${count(many / 100)} channels, 100 subscribers each`, 'each-100'),
        growth(`${count(many / 1000)} channels, 1,000 subscribers each`, 'each-1000'),
    ]);
}

{
    const shared = value('idle', 'carillon', 'memory.bytes_per_connection.resident');
    const own = value('own', 'carillon', 'memory.bytes_per_connection.resident');
    const kernel = value('idle', 'carillon', 'memory.bytes_per_connection.kernel');
    const idiomatic = value('idle', 'idiomatic', 'memory.bytes_per_connection.resident');
    const gib = (each, connections) => (each === undefined ? '-' : `${show((each * connections) / 2 ** 30, 2)} GiB`);
    const row = (name, each) => [name, each === undefined ? '-' : count(each), gib(each, 1e6), gib(each, 3e6)];
    tables.extrapolation = table(['', 'bytes each', '1 million', '3 million'], [
        row('Carillon, all on one channel', shared),
        row('Carillon, each on a channel of its own', own),
        row('idiomatic', idiomatic),
        row("the kernel's share: both ends of each connection, as measured here", kernel),
    ]);
}

tables.ablation = (() => {
    const row = (label, section, name, scenes) => [
        label, section,
        count(value('idle', name, 'memory.bytes_per_connection.resident')),
        ...scenes.map((scene) => micros(value(scene, name, 'deliveries.server_cpu_ns_each'))),
        micros(value('fanout', name, 'handshakes.server_cpu_ns_each')),
    ];
    return table(['switched off', "the article's section", 'bytes per idle connection', 'CPU per delivery', 'burst of 20', 'CPU per handshake'], [
        row('nothing', '-', 'carillon', ['fanout', 'burst']),
        row('readers that exist only while there is something to read', '3.1, 3.2', 'carillon-parked-readers', ['fanout', 'burst']),
        row('writers that exist only while there is something to write', '3.2', 'carillon-parked-writers', ['fanout', 'burst']),
        row('both', '3.1, 3.2', 'carillon-parked', ['fanout', 'burst']),
        row('one send for publications that follow each other', '3.2', 'carillon-single-sends', ['fanout', 'burst']),
    ]);
})();

{
    const rows = [
        ['ping', 'PING'],
        ['ping-16', 'PING, 16 in a pipeline'],
        ['publish-16-0', 'PUBLISH, 16 in a pipeline, no subscriber'],
        ['publish-16-1', 'PUBLISH, 16 in a pipeline, 1 subscriber'],
        ['publish-16-100', 'PUBLISH, 16 in a pipeline, 100 subscribers'],
    ];
    let lines = [];
    try {
        lines = readFileSync(join(directory, 'redis.csv'), 'utf8').trim().split('\n').slice(1).map((line) => line.split(','));
    } catch { /* there was no redis-server */ }
    const of = (row, server, column) => lines.filter((line) => line[0] === row && line[1] === server).map((line) => Number(line[column]));
    const cell = (row, server) => `${count(median(of(row, server, 2)))}/s, ${micros(median(of(row, server, 3)))}`;
    if (lines.length > 0) {
        tables.redis = table(['', 'redis-server', 'bus door', 'rate, bus door / redis-server'],
            rows.map(([row, label]) => [label, cell(row, 'redis'), cell(row, 'carillon'),
                showRatio(ratio(of(row, 'carillon', 2), of(row, 'redis', 2)))]));
    }
}

{
    const began = Object.values(scenes).flatMap((one) => Object.values(one).flat()).map((one) => one?.began).filter(Boolean).sort();
    tables.noise = `Measured on ${began[0]?.slice(0, 10)}, in as many rounds as the tables say.`;
}

// --- the page and the charts

fill(page, tables);

{
    const row = (name, write, scene, path) => [name, ...servers.map((server) => write(value(scene, server, path)))];
    fill(readme, {
        measured: table(['', 'floor', 'Carillon', 'Boost.Beast'], [
            row('bytes of memory for each idle connection', count, 'idle', 'memory.bytes_per_connection.resident'),
            row('server CPU for each delivery', micros, 'fanout', 'deliveries.server_cpu_ns_each'),
            row('the same, 20 publications in a burst', micros, 'burst', 'deliveries.server_cpu_ns_each'),
            row('server CPU to connect and subscribe (floor: the 101 only)', micros, 'fanout', 'handshakes.server_cpu_ns_each'),
        ]),
    });
}

const names = { floor: 'floor', carillon: 'Carillon', idiomatic: 'idiomatic' };
const bars = (scene, path, scale) =>
    servers.map((server) => ({ label: names[server], value: (value(scene, server, path) ?? 0) * scale, strong: server === 'carillon' }));
const save = (name, svg) => writeFileSync(join(here, `${name}.svg`), svg);

save('memory', barChart({
    title: 'Resident bytes per idle subscribed connection', unit: 'bytes',
    bars: bars('idle', 'memory.bytes_per_connection.resident', 1),
}));
save('delivery', barChart({
    title: 'Server CPU per delivery, 128 bytes', unit: 'µs',
    groups: [
        { label: 'one publish', bars: bars('fanout', 'deliveries.server_cpu_ns_each', 1e-3) },
        { label: '20 in a burst', bars: bars('burst', 'deliveries.server_cpu_ns_each', 1e-3) },
    ],
}));
save('handshake', barChart({
    title: 'Server CPU per connection', unit: 'µs',
    bars: bars('fanout', 'handshakes.server_cpu_ns_each', 1e-3),
}));
{
    const without = [['as it ships', 'carillon'], ['parked readers', 'carillon-parked-readers'], ['parked writers', 'carillon-parked-writers'],
        ['both parked', 'carillon-parked'], ['single sends', 'carillon-single-sends']];
    const of = (scene, path, scale) => without.map(([label, name]) =>
        ({ label, value: (value(scene, name, path) ?? 0) * scale, strong: name === 'carillon' }));
    save('ablation', barChart({
        title: "The article's optimisations, each switched off", unit: '', apart: true,
        groups: [
            { label: 'bytes per idle connection', bars: of('idle', 'memory.bytes_per_connection.resident', 1) },
            { label: 'µs of server CPU per delivery, 20 in a burst', bars: of('burst', 'deliveries.server_cpu_ns_each', 1e-3) },
            { label: 'µs of server CPU per connection', bars: of('fanout', 'handshakes.server_cpu_ns_each', 1e-3) },
        ],
    }));
}
/** The bins of the rounds, which are all cut at the same places, added up. */
function binsOfAllRounds(scene, server) {
    const all = new Map();
    for (const { from_ns, to_ns, count } of (scenes[scene]?.[server] ?? []).flatMap((round) => round?.histogram?.bins ?? [])) {
        const bin = all.get(from_ns) ?? { from_ns, to_ns, count: 0 };
        bin.count += count;
        all.set(from_ns, bin);
    }
    return [...all.values()].sort((a, b) => a.from_ns - b.from_ns);
}

save('latency', latencyChart({
    title: 'Unicast, 15,000 messages/s over as many channels as connections: latency',
    lines: servers.map((server) => ({
        label: names[server], strong: server === 'carillon',
        bins: binsOfAllRounds('unicast', server),
    })),
}));
save('growth', lineChart({
    title: 'Server CPU per delivery by subscribers of the channel', unit: 'µs', across: 'subscribers',
    points: [
        [1000, value('connections-1000', 'carillon', 'deliveries.server_cpu_ns_each')],
        [4000, value('connections-4000', 'carillon', 'deliveries.server_cpu_ns_each')],
        [held ?? 18000, value('fanout', 'carillon', 'deliveries.server_cpu_ns_each')],
    ].filter(([, y]) => y !== undefined).map(([x, y]) => [x, y / 1000]),
}));
