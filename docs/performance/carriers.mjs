// What each way to a client costs: idle bytes of the gateway for a connection; its processor time and the bytes on the wire for a
// delivery of a JSON publication. Writes a table of docs/performance.md.
//
//   node docs/performance/carriers.mjs [--NAME VALUE]...
//
// --carillon PROGRAM    build/bench/app/carillon unless told otherwise
// --results FILE        for all figures as JSON (build/measure/carriers.txt)
// --rounds N            how often everything is done (3); every other round in the opposite order
// --idle N              connections at the second look at the memory (2000); --from N at the first one (500)
// --subscribers N       of those, who subscribe to what is published (200)
// --publications N      one after the other, each when all have the one before (200)
// --bytes N             of a publication (4096)
// --server-cpu N        the gateway's processor; without it the system decides
//
// The clients look at nothing after they have subscribed: they count bytes.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import tls from 'node:tls';
import { parseArgs } from 'node:util';
import { count, fill, page, show, table } from './page.mjs';
import { median } from './results.mjs';

const defaults = {
    carillon: 'build/bench/app/carillon', results: 'build/measure/carriers.txt', rounds: '3', idle: '2000', from: '500',
    subscribers: '200', publications: '200', bytes: '4096', 'server-cpu': '',
};
const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string', default: defaults[name] }]));
const { values: how } = parseArgs({ options });
const [rounds, idle, from, subscribers, publications, bytes] =
    ['rounds', 'idle', 'from', 'subscribers', 'publications', 'bytes'].map((name) => Number(how[name]));
const limitMs = 30_000;
const atOnce = 50; // connections under way
const folder = mkdtempSync(join(tmpdir(), 'carillon-carriers-'));

// --- what is said

/** A masked frame; the mask is zero. */
function frame(opcode, payload) {
    const header = payload.length < 126 ? [0x80 | opcode, 0x80 | payload.length] : [0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 255];
    return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), payload]);
}

const commands = (channel) => `{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${channel}"}}`;

/** The same in protobuf; all lengths are below 128. */
function commandsInProtobuf(channel) {
    const measured = (...parts) => Buffer.concat([Buffer.from([Buffer.concat(parts).length]), ...parts]);
    const subscribe = measured(Buffer.from([0x0a]), measured(Buffer.from(channel)));
    return Buffer.concat([measured(Buffer.from([0x08, 1, 0x22, 0])), measured(Buffer.from([0x08, 2, 0x2a]), subscribe)]);
}

const upgrade = (...fields) => ['GET /connection/websocket HTTP/1.1', 'Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', ...fields, '', ''].join('\r\n');

const post = (path, body) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const subscribedInJson = Buffer.from('"id":2,"subscribe"');
const subscribedInProtobuf = Buffer.from([0x08, 2, 0x32]);

function websocket(name, { fields = [], protobuf = false, flags = [], secure = false, agreed = 'HTTP/1.1 101' }) {
    const say = (channel) => (protobuf ? frame(2, commandsInProtobuf(channel)) : frame(1, Buffer.from(commands(channel))));
    return { name, flags, secure, steps: [[() => upgrade(...fields), agreed], [say, protobuf ? subscribedInProtobuf : subscribedInJson]] };
}

const overHttp = (name, path) => ({ name, flags: [], steps: [[(channel) => post(path, commands(channel)), subscribedInJson]] });

const deflate = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const certificate = ['pem', 'key'].map((kind) => join(folder, `own.${kind}`));
const carriers = [
    websocket('WebSocket, JSON', {}),
    websocket('WebSocket, protobuf', { fields: ['Sec-WebSocket-Protocol: centrifuge-protobuf'], protobuf: true, agreed: 'centrifuge-protobuf' }),
    overHttp('SSE', '/connection/sse'),
    overHttp('HTTP streaming', '/connection/http_stream'),
    websocket('WebSocket, JSON, permessage-deflate',
        { fields: [`Sec-WebSocket-Extensions: ${deflate}`], flags: ['--websocket-compression'], agreed: 'permessage-deflate' }),
    websocket('WebSocket, JSON, TLS 1.3',
        { secure: true, flags: ['--tls-certificate-files', certificate[0], '--tls-key-files', certificate[1]] }),
];

/** JSON as lists of things are: names that repeat, values that do not. The same one each time. */
function publication() {
    const orders = [];
    let state = 1;
    const next = (below) => (state = (state * 48271) % 2147483647) % below;
    const text = (pad) => JSON.stringify({ orders, pad: 'x'.repeat(pad) });
    while (text(0).length < bytes - 120)
        orders.push({ id: next(1e9), status: ['open', 'paid', 'sent'][next(3)], amount: next(1e6) / 100, customer: next(1e8).toString(36) });
    return text(bytes - text(0).length);
}

// --- the gateway

async function freePorts(number) {
    const probes = Array.from({ length: number }, () => net.createServer().listen(0, '127.0.0.1'));
    await Promise.all(probes.map((probe) => once(probe, 'listening')));
    const ports = probes.map((probe) => probe.address().port);
    await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
    return ports;
}

async function start(flags) {
    const [client, control, bus] = await freePorts(3);
    const listen = { client, control, bus };
    const command = [how.carillon, '--dev', '--shards', '1', '--client-ping-interval-ms', '3600000', ...flags,
        ...Object.entries(listen).flatMap(([door, port]) => [`--${door}-listen`, `127.0.0.1:${port}`])];
    if (how['server-cpu'] !== '') command.unshift('taskset', '-c', how['server-cpu']);
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
    const reap = () => child.kill('SIGKILL'); // who fails must not leave a gateway behind
    process.once('exit', reap);
    child.once('exit', () => process.off('exit', reap));
    let log = '';
    child.stderr.on('data', (part) => (log += part));
    await within(`the gateway to start: ${log}`, async () => {
        while (!log.includes('is ready')) {
            if (child.exitCode !== null) throw new Error(log);
            await Promise.race([once(child.stderr, 'data'), once(child, 'exit')]);
        }
    });
    return { child, ...listen };
}

/** Nanoseconds of processor time of all threads. */
const used = ({ child: { pid } }) => readdirSync(`/proc/${pid}/task`)
    .reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]), 0);
const resident = ({ child: { pid } }) => Number(/Rss:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) * 1024;

async function within(what, wait) {
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), limitMs); });
    try {
        return await Promise.race([wait(), late]);
    } finally {
        clearTimeout(timer);
    }
}

// --- the clients

/** Resolves with the TCP socket when the client is subscribed; `arrived` is called whenever something has come. */
async function client(gateway, carrier, channel, arrived) {
    const wire = net.connect(gateway.client, '127.0.0.1');
    const socket = carrier.secure ? tls.connect({ socket: wire, rejectUnauthorized: false, minVersion: 'TLSv1.3' }) : wire;
    await once(socket, carrier.secure ? 'secureConnect' : 'connect');
    for (const [say, answer] of carrier.steps) {
        let heard = Buffer.alloc(0);
        const answered = new Promise((resolve, reject) => {
            socket.on('close', () => reject(new Error(`${carrier.name}: ended after ${heard}`)));
            socket.on('data', (part) => {
                heard = Buffer.concat([heard, part]);
                if (heard.includes(answer)) resolve();
            });
        });
        socket.write(say(channel));
        await within(`${carrier.name}: ${answer}`, () => answered);
        socket.removeAllListeners('data').removeAllListeners('close');
    }
    socket.on('data', arrived).on('error', () => {});
    return wire;
}

async function clients(number, open) {
    const made = [];
    while (made.length < number) made.push(...await Promise.all(Array.from({ length: Math.min(atOnce, number - made.length) }, open)));
    return made;
}

/** {resident, cpu, wire}: bytes for each idle connection; nanoseconds and bytes for each delivery. */
async function measure(carrier) {
    const gateway = await start(carrier.flags);
    let arrived = () => {};
    const some = await clients(subscribers, () => client(gateway, carrier, 'all', () => arrived()));
    const silent = await clients(from - subscribers, () => client(gateway, carrier, 'silent', () => {}));
    const before = resident(gateway);
    silent.push(...await clients(idle - from, () => client(gateway, carrier, 'silent', () => {})));
    const each = (resident(gateway) - before) / (idle - from);

    const payload = publication();
    const publisher = net.connect(gateway.bus, '127.0.0.1').resume();
    const publish = `*3\r\n$7\r\nPUBLISH\r\n$3\r\nall\r\n$${payload.length}\r\n${payload}\r\n`;
    const heard = () => some.reduce((sum, wire) => sum + wire.bytesRead, 0);
    const quiet = async () => {
        for (let last = -1; last !== heard();) {
            last = heard();
            await new Promise((resolve) => setTimeout(resolve, 300));
        }
    };
    // How long it is on the wire is not known beforehand; it is the same each time.
    const nothing = heard();
    publisher.write(publish);
    await within('the first publication', async () => { while (heard() === nothing) await new Promise((resolve) => setTimeout(resolve, 20)); });
    await quiet();
    const length = (heard() - nothing) / subscribers;
    if (!Number.isInteger(length)) throw new Error(`${carrier.name}: not all have got as much: ${length} bytes on average`);
    const began = used(gateway);
    for (let sent = 2; sent <= publications + 1; ++sent) {
        publisher.write(publish);
        await within(`publication ${sent}`, () => new Promise((resolve) => {
            arrived = () => { if (heard() - nothing >= length * subscribers * sent) resolve(); };
            arrived();
        }));
    }
    const cpu = (used(gateway) - began) / (publications * subscribers);
    if (heard() - nothing !== length * subscribers * (publications + 1)) throw new Error(`${carrier.name}: more has come than was published`);
    publisher.destroy();
    for (const wire of [...some, ...silent]) wire.destroy();
    gateway.child.kill('SIGKILL');
    await once(gateway.child, 'exit');
    return { resident: each, cpu, wire: length };
}

// --- all of it

execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', certificate[1], '-out',
    certificate[0], '-days', '2', '-subj', '/CN=localhost'], { stdio: 'ignore' });
const figures = carriers.map(() => []);
for (let round = 0; round < rounds; ++round) {
    const order = [...carriers.keys()];
    if (round % 2 === 1) order.reverse();
    for (const at of order) {
        const found = await measure(carriers[at]);
        figures[at][round] = found;
        console.log(`${round + 1}  ${carriers[at].name}: ${JSON.stringify(found)}`);
    }
}
rmSync(folder, { recursive: true, force: true });
mkdirSync(dirname(how.results), { recursive: true });
writeFileSync(how.results, JSON.stringify(Object.fromEntries(carriers.map(({ name }, at) => [name, figures[at]])), null, 2));

const of = (at, what) => median(figures[at].map((round) => round[what]));
const beside = (at) => median(figures[at].map((round, which) => round.cpu / figures[0][which].cpu));
fill(page, {
    carriers: table(
        ['', 'resident bytes per idle connection', 'server CPU per delivery', '... beside the first', 'bytes on the wire, each'],
        carriers.map(({ name }, at) =>
            [name, count(of(at, 'resident')), `${show(of(at, 'cpu') / 1000, 1)} µs`, `${show(beside(at), 2)} ×`, count(of(at, 'wire'))])),
});
process.exit(0);
