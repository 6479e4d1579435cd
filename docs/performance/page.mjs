// How figures are written, and where: the tables of docs/performance.md and README.md.
//
// A table stands between <!-- table:NAME --> and <!-- end -->; all between the two is replaced.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
export const page = join(here, '..', 'performance.md');
export const readme = join(here, '..', '..', 'README.md');

export const show = (number, digits) =>
    number === undefined ? '-' : number.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
export const count = (number) => show(number, 0);
export const micros = (nanoseconds) => (nanoseconds === undefined ? '-' : `${show(nanoseconds / 1000, 2)} µs`);
export const time = (nanoseconds) => {
    if (nanoseconds === undefined) return '-';
    if (nanoseconds < 1e6) return `${show(nanoseconds / 1e3, 0)} µs`;
    if (nanoseconds < 1e9) return `${show(nanoseconds / 1e6, nanoseconds < 1e7 ? 2 : 0)} ms`;
    return `${show(nanoseconds / 1e9, 2)} s`;
};

export function table(head, rows) {
    const line = (cells) => `| ${cells.join(' | ')} |`;
    return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Puts `made`, {NAME: text}, into the page. */
export function fill(path, made) {
    let text = readFileSync(path, 'utf8');
    for (const [name, table] of Object.entries(made)) {
        const place = new RegExp(`(<!-- table:${name} -->\\n)[^]*?(<!-- end -->)`);
        if (!place.test(text)) throw new Error(`${path} has no place for the table "${name}"`);
        text = text.replace(place, (_, before, after) => `${before}\n${table}\n\n${after}`);
    }
    writeFileSync(path, text);
}
