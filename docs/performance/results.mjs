// What measure.sh has left in a directory, and the targets made of it; for render.mjs and compare.mjs.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const pick = (object, path) => path.split('.').reduce((at, name) => at?.[name], object);

export function median(list) {
    const sorted = list.filter(Number.isFinite).sort((a, b) => a - b);
    if (sorted.length === 0) return undefined;
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What failed, was cut short or has lost something measures nothing. */
const isSound = (one) =>
    one.trouble === undefined && !one.interrupted && one.lost + one.duplicated + one.disordered + one.dropped === 0;

/** SCENE.SERVER.ROUND.json -> values('SCENE', 'SERVER', 'path.to.a.figure')[ROUND - 1]; a round that failed is a hole. */
export function readResults(directory) {
    const scenes = {};
    for (const file of readdirSync(directory).sort()) {
        const [, scene, server, round] = /^(.+)\.([^.]+)\.(\d+)\.json$/.exec(file) ?? [];
        if (scene === undefined) continue;
        const text = readFileSync(join(directory, file), 'utf8').trim();
        if (text === '') continue;
        const one = JSON.parse(text);
        if (isSound(one)) ((scenes[scene] ??= {})[server] ??= [])[Number(round) - 1] = one;
    }
    const values = (scene, server, path) => Array.from(scenes[scene]?.[server] ?? [], (round) => pick(round ?? {}, path));
    return { scenes, values, value: (scene, server, path) => median(values(scene, server, path)) };
}

// --- the noise

/** Numbers from 0 to 1, the same ones in each run, so that the same results make the same page. */
function numbers() {
    let state = 0x2545f491;
    return () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) / 2 ** 32;
    };
}

/**
 * By how much two runs may differ, as a share of the figure, in 99 of 100 pairs of runs. `make` makes the figure of one run out of its
 * lists of rounds. The bootstrap: what other runs would have found is guessed by drawing from the rounds of this one.
 */
export function noiseOf(lists, make) {
    const rounds = lists.map((list) => list.filter(Number.isFinite));
    if (rounds.some((list) => list.length < 3)) return undefined;
    const next = numbers();
    const draw = () => make(rounds.map((list) => list.map(() => list[Math.floor(next() * list.length)])));
    const differences = Array.from({ length: 4000 }, () => Math.abs(Math.log(draw() / draw()))).sort((a, b) => a - b);
    return Math.exp(differences[Math.floor(differences.length * 0.99)]) - 1;
}

/** Ratio of the medians of two lists of rounds: {middle, noise}. */
export function ratio(above, below) {
    const make = ([a, b]) => median(a) / median(b);
    const middle = make([above, below]);
    return Number.isFinite(middle) ? { middle, noise: noiseOf([above, below], make) } : undefined;
}

/** Median of a list of rounds: {middle, noise}. */
export function figure(list) {
    const middle = median(list);
    return middle === undefined ? undefined : { middle, noise: noiseOf([list], ([one]) => median(one)) };
}

// --- what the targets speak of

/** Each with its figure or ratio: {middle, noise}, or undefined if it was not measured. */
export function targetsOf({ values }) {
    // In a pair both met the same, so the ratio is made round by round.
    const pair = (scene, path) => {
        const floor = values(`pair-${scene}`, 'floor', path);
        return figure(values(`pair-${scene}`, 'carillon', path).map((one, round) => one / floor[round]));
    };
    // One after the other, but in the same round, for which the machine is more alike than for others.
    const publishes = (scene, server) => values(scene, server, 'publishes.per_second');
    const beside = (many, one) => figure(many.map((rate, round) => rate / one[round]));
    const [oneFloor, halfFloor, otherHalf] = ['1', '2-1', '2-2'].map((name) => publishes(`shards-floors-${name}`, 'floor'));
    return {
        delivery: pair('fanout', 'deliveries.server_cpu_ns_each'),
        burst: ratio(values('burst', 'carillon', 'deliveries.server_cpu_ns_each'), values('burst', 'floor', 'deliveries.server_cpu_ns_each')),
        connection: pair('fanout', 'handshakes.server_cpu_ns_each'),
        greeted: pair('greeting', 'handshakes.server_cpu_ns_each'),
        echo: pair('echo', 'round_trips.server_cpu_ns_each'),
        echoRateBeside: pair('echo', 'round_trips.per_second'),
        echoRateAlone: ratio(values('echo', 'carillon', 'round_trips.per_second'), values('echo', 'floor', 'round_trips.per_second')),
        unicast: pair('unicast', 'deliveries.server_cpu_ns_each'),
        unicastCpu: figure(values('unicast', 'carillon', 'deliveries.server_cpu_ns_each')),
        unicastTail: figure(values('unicast', 'carillon', 'deliveries.latency.p99_ns')),
        shards: beside(publishes('shards-2', 'carillon'), publishes('shards-1', 'carillon')),
        pinnedShards: beside(publishes('shards-2-pinned', 'carillon'), publishes('shards-1', 'carillon')),
        // Each of the two has half of the connections, and so does half a publish.
        twoFloors: beside(halfFloor.map((rate, round) => (rate + otherHalf[round]) / 2), oneFloor),
    };
}
