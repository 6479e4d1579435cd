// Makes the tables of docs/performance.md and the charts beside this file out of the results of measure.sh.
//
//   node docs/performance/render.mjs RESULTS-DIRECTORY
//
// A table stands between <!-- table:NAME --> and <!-- end -->; all between the two is replaced.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { barChart, latencyChart, lineChart } from './charts.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, '..', 'performance.md');
const directory = process.argv[2];
if (!directory) {
    console.error('render.mjs RESULTS-DIRECTORY');
    process.exit(2);
}

// SCENE.SERVER.ROUND.json -> results[scene][server][round - 1]; a round that failed is a hole
const results = {};
for (const file of readdirSync(directory).sort()) {
    const [, scene, server, round] = /^(.+)\.([^.]+)\.(\d+)\.json$/.exec(file) ?? [];
    if (scene === undefined) continue;
    const text = readFileSync(join(directory, file), 'utf8').trim();
    if (text === '') continue;
    (((results[scene] ??= {})[server] ??= []))[Number(round) - 1] = JSON.parse(text);
}

// --- reading the results

const pick = (object, path) => path.split('.').reduce((at, name) => at?.[name], object);

/** The values of all rounds; undefined where there is none. */
function values(scene, server, path) {
    return Array.from(results[scene]?.[server] ?? [], (round) => pick(round ?? {}, path));
}

function median(list) {
    const sorted = list.filter((one) => Number.isFinite(one)).sort((a, b) => a - b);
    if (sorted.length === 0) return undefined;
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const value = (scene, server, path) => median(values(scene, server, path));

/** Ratio of two servers, round by round: {middle, least, most}. */
function ratio(above, below) {
    const each = above.map((one, round) => one / below[round]).filter(Number.isFinite);
    if (each.length === 0) return undefined;
    return { middle: median(each), least: Math.min(...each), most: Math.max(...each) };
}

// --- writing figures

const show = (number, digits) =>
    number === undefined ? '-' : number.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const count = (number) => show(number, 0);
const micros = (nanoseconds) => (nanoseconds === undefined ? '-' : `${show(nanoseconds / 1000, 2)} µs`);
const time = (nanoseconds) => {
    if (nanoseconds === undefined) return '-';
    if (nanoseconds < 1e6) return `${show(nanoseconds / 1e3, 0)} µs`;
    if (nanoseconds < 1e9) return `${show(nanoseconds / 1e6, nanoseconds < 1e7 ? 2 : 0)} ms`;
    return `${show(nanoseconds / 1e9, 2)} s`;
};
const showRatio = (of) => (of === undefined ? '-' : `${show(of.middle, 2)} (${show(of.least, 2)}-${show(of.most, 2)})`);

function table(head, rows) {
    const line = (cells) => `| ${cells.join(' | ')} |`;
    return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

// --- the tables

const servers = ['floor', 'carillon', 'idiomatic'];
const tables = {};
const verdict = (holds) => (holds === undefined ? '-' : holds ? 'yes' : '**no**');

{
    const each = (scene, what) => ratio(values(scene, 'carillon', what), values(scene, 'floor', what));
    const most = (of, bound) => (of === undefined ? undefined : of.middle <= bound);
    const least = (of, bound) => (of === undefined ? undefined : of.middle >= bound);
    const fanout = each('fanout', 'deliveries.server_cpu_ns_each');
    const burst = each('burst', 'deliveries.server_cpu_ns_each');
    const handshake = each('fanout', 'handshakes.server_cpu_ns_each');
    const greeted = ratio(values('fanout', 'carillon', 'handshakes.server_cpu_ns_each'),
        values('greeting', 'floor', 'handshakes.server_cpu_ns_each'));
    const echo = each('echo', 'round_trips.per_second');
    const unicast = value('unicast', 'carillon', 'deliveries.server_cpu_ns_each');
    const tail = value('unicast', 'carillon', 'deliveries.latency.p99_ns');
    const alone = values('shards-1', 'carillon', 'publishes.per_second');
    const shards = ratio(values('shards-2', 'carillon', 'publishes.per_second'), alone);
    const free = ratio(values('shards-2-free', 'carillon', 'publishes.per_second'), alone);
    tables.targets = table(['what', 'target', 'measured (least-most of the rounds)', 'met'], [
        ['server CPU per delivery, one channel, 128 bytes', '≤ 1.05 × floor', `${showRatio(fanout)} ×`, verdict(most(fanout, 1.05))],
        ['the same, 20 publishes in a burst', '≤ 0.2 × floor', `${showRatio(burst)} ×`, verdict(most(burst, 0.2))],
        ['server CPU per connection accepted, upgraded, connected and subscribed', "≤ 1.4 × floor's accept and 101",
            `${showRatio(handshake)} ×; ${showRatio(greeted)} × of a floor that answers one message as well`, verdict(most(handshake, 1.4))],
        ['command round trips/s, 64 connections', "≥ 0.95 × floor's echo", `${showRatio(echo)} ×`, verdict(least(echo, 0.95))],
        ['unicast, 15,000/s: server CPU per message; p99', 'below 26 µs; below 1.7 ms',
            `${micros(unicast)} (${showRatio(each('unicast', 'deliveries.server_cpu_ns_each'))} × floor); ${time(tail)}`,
            verdict(unicast === undefined ? undefined : unicast < 26_000 && tail < 1.7e6)],
        ['two shards beside one, deliveries/s', '≥ 1.7 ×', `${showRatio(shards)} × with \`pin_shards\`; ${showRatio(free)} × without`,
            verdict(least(shards, 1.7))],
    ]);
}

{
    const row = (name, write, scene, path) => [name, ...servers.map((server) => write(value(scene, server, path)))];
    tables.servers = table(['', 'floor', 'Carillon', 'idiomatic'], [
        row('resident bytes per idle connection', count, 'idle', 'memory.bytes_per_connection.resident'),
        row('server CPU per handshake', micros, 'fanout', 'handshakes.server_cpu_ns_each'),
        ['... with one message answered', micros(value('greeting', 'floor', 'handshakes.server_cpu_ns_each')), '-', '-'],
        row('server CPU per delivery, one channel', micros, 'fanout', 'deliveries.server_cpu_ns_each'),
        row('... p50', time, 'fanout', 'deliveries.latency.p50_ns'),
        row('... p99', time, 'fanout', 'deliveries.latency.p99_ns'),
        row('server CPU per delivery, 20 in a burst', micros, 'burst', 'deliveries.server_cpu_ns_each'),
        row('... p99', time, 'burst', 'deliveries.latency.p99_ns'),
        row('command round trips/s, 64 connections', count, 'echo', 'round_trips.per_second'),
        row('... server CPU for each', micros, 'echo', 'round_trips.server_cpu_ns_each'),
        row('... p99', time, 'echo', 'round_trips.latency.p99_ns'),
        row('unicast, 15,000/s: server CPU per message', micros, 'unicast', 'deliveries.server_cpu_ns_each'),
        row('... p50', time, 'unicast', 'deliveries.latency.p50_ns'),
        row('... p99', time, 'unicast', 'deliveries.latency.p99_ns'),
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
    ];
    const head = ['', 'server CPU per delivery', 'p50', 'p99'];
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

if (results['peer-fanout']?.nchan) {
    const both = ['carillon', 'nchan'];
    const row = (label, write, scene, path) => [label, ...both.map((server) => write(value(scene, server, path)))];
    tables.peers = table(['', 'Carillon', 'Nchan'], [
        row('resident bytes per idle connection', count, 'idle', 'memory.bytes_per_connection.resident'),
        row('server CPU per handshake', micros, 'peer-fanout', 'handshakes.server_cpu_ns_each'),
        row('server CPU per delivery, one channel, 2 publishes/s', micros, 'peer-fanout', 'deliveries.server_cpu_ns_each'),
        row('... p50', time, 'peer-fanout', 'deliveries.latency.p50_ns'),
        row('... p99', time, 'peer-fanout', 'deliveries.latency.p99_ns'),
        row('unicast, 5,000/s: server CPU per message', micros, 'peer-unicast', 'deliveries.server_cpu_ns_each'),
        row('... p50', time, 'peer-unicast', 'deliveries.latency.p50_ns'),
        row('... p99', time, 'peer-unicast', 'deliveries.latency.p99_ns'),
    ]);
}

// --- the noise

{
    // The two halves of a run are two smaller runs, so they differ by more than two whole runs should.
    const halves = (all) => {
        const odd = median(all.filter((_, i) => i % 2 === 0)), even = median(all.filter((_, i) => i % 2 === 1));
        return odd === undefined || even === undefined ? 0 : Math.abs(odd / even - 1);
    };
    const rounds = values('fanout', 'carillon', 'length_ns').filter(Number.isFinite).length;
    const spreads = [
        ['fanout', 'deliveries.server_cpu_ns_each'], ['fanout', 'handshakes.server_cpu_ns_each'],
        ['echo', 'round_trips.per_second'], ['unicast', 'deliveries.server_cpu_ns_each'],
    ].map(([scene, path]) => {
        const above = values(scene, 'carillon', path), below = values(scene, 'floor', path);
        return {
            ratio: halves(above.map((one, round) => one / below[round])),
            figure: halves(above),
        };
    });
    const most = (what) => show(Math.max(0, ...spreads.map((each) => each[what])) * 100, 0);
    tables.noise = `Rounds: ${rounds}. The figures are medians. Had only every other round been made, the ratios to the floor would have been ` +
        `up to ${most('ratio')} % different, and the figures themselves up to ${most('figure')} %: that is the noise.`;
}

// --- the page and the charts

let text = readFileSync(page, 'utf8');
for (const [name, made] of Object.entries(tables)) {
    const place = new RegExp(`(<!-- table:${name} -->\\n)[^]*?(<!-- end -->)`);
    if (!place.test(text)) throw new Error(`docs/performance.md has no place for the table "${name}"`);
    text = text.replace(place, (_, before, after) => `${before}\n${made}\n\n${after}`);
}
writeFileSync(page, text);

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
save('latency', latencyChart({
    title: 'Unicast, 15,000 messages/s over as many channels as connections: latency',
    lines: servers.map((server) => ({
        label: names[server], strong: server === 'carillon',
        bins: results.unicast?.[server]?.[0]?.histogram?.bins ?? [],
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
