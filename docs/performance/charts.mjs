// Small SVG charts that read well on a light and on a dark page. Pure: values in, SVG text out.

const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 15px }
  .part { font-weight: 600 }
  .faint { fill: #6e7781; font-size: 11px }
  .bar { fill: #afb8c1 } .strong { fill: #0969da }
  .axis { stroke: #d0d7de; stroke-width: 1 }
  .line { fill: none; stroke: #8c959f; stroke-width: 2 } .line.strong { stroke: #0969da; fill: none }
  .dot { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .faint { fill: #9198a1 } .bar { fill: #59636e } .strong { fill: #4493f8 }
    .axis { stroke: #3d444d } .line { stroke: #9198a1 } .line.strong { stroke: #4493f8 } .dot { fill: #4493f8 }
  }`;

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const round = (number) => Math.round(number * 10) / 10;

function svg(width, height, title, body) {
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escape(title)}</title>
<style>${style}
</style>
<text class="title" x="0" y="18">${escape(title)}</text>
${body.join('\n')}
</svg>
`;
}

const figure = (value) =>
    value.toLocaleString('en-US', { maximumFractionDigits: value >= 100 ? 0 : value >= 10 ? 1 : 2 });

/** Horizontal bars with their values; `bars` or `groups` of them: [{label, value, strong}]. `apart`: each group has its own scale. */
export function barChart({ title, unit, bars, groups, apart = false }) {
    const all = groups ?? [{ label: '', bars }];
    const most = (of) => Math.max(...of.flatMap((group) => group.bars.map((bar) => bar.value)), 1e-9);
    const width = 720, left = 110, room = width - left - 110;
    const body = [];
    let y = 36;
    for (const group of all) {
        if (group.label) {
            body.push(`<text class="faint" x="0" y="${y + 10}">${escape(group.label)}</text>`);
            y += 20;
        }
        for (const bar of group.bars) {
            const length = Math.max(1, round((bar.value / most(apart ? [group] : all)) * room));
            body.push(`<text x="${left - 8}" y="${y + 15}" text-anchor="end">${escape(bar.label)}</text>`);
            body.push(`<rect class="${bar.strong ? 'strong' : 'bar'}" x="${left}" y="${y}" width="${length}" height="20" rx="2"/>`);
            body.push(`<text x="${left + length + 6}" y="${y + 15}">${figure(bar.value)} ${escape(unit)}</text>`);
            y += 26;
        }
        y += 8;
    }
    return svg(width, y + 4, title, body);
}

/** Small bar charts in two columns, each with its own scale: panels [{label, note, bars: [{label, value, text, strong}]}]. */
export function panelChart({ title, panels }) {
    const width = 760, column = width / 2, left = 104, room = column - left - 86, bar = 22;
    const body = [];
    let y = 36;
    for (let first = 0; first < panels.length; first += 2) {
        const row = panels.slice(first, first + 2);
        row.forEach(({ label, note, bars }, place) => {
            const x = place * column, most = Math.max(...bars.map(({ value }) => value), 1e-9);
            body.push(`<text class="part" x="${x}" y="${y + 12}">${escape(label)}</text>`);
            body.push(`<text class="faint" x="${x}" y="${y + 28}">${escape(note)}</text>`);
            bars.forEach(({ label: name, value, text, strong }, at) => {
                const top = y + 38 + at * bar, length = Math.max(1, round((value / most) * room));
                body.push(`<text x="${x + left - 8}" y="${top + 13}" text-anchor="end">${escape(name)}</text>`);
                body.push(`<rect class="${strong ? 'strong' : 'bar'}" x="${x + left}" y="${top}" width="${length}" height="17" rx="2"/>`);
                body.push(`<text x="${x + left + length + 6}" y="${top + 13}">${escape(text)}</text>`);
            });
        });
        y += 38 + Math.max(...row.map(({ bars }) => bars.length)) * bar + 18;
    }
    return svg(width, y, title, body);
}

const decades = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];
const named = { 1e3: '1 µs', 1e4: '10 µs', 1e5: '100 µs', 1e6: '1 ms', 1e7: '10 ms', 1e8: '100 ms', 1e9: '1 s', 1e10: '10 s' };

/** How many of the events took longer than a time, both on logarithmic axes: lines [{label, bins: [{to_ns, count}], strong}]. */
export function latencyChart({ title, lines }) {
    const width = 720, height = 300, left = 60, top = 40, right = 20, bottom = 40;
    const drawn = lines.filter((line) => line.bins.length > 0);
    const from = Math.min(...drawn.map((line) => line.bins[0].from_ns), 1e5);
    const to = Math.max(...drawn.map((line) => line.bins.at(-1).to_ns), 1e6);
    const x = (ns) => left + ((Math.log(Math.max(ns, from)) - Math.log(from)) / (Math.log(to) - Math.log(from))) * (width - left - right);
    const least = 1e-5;
    const y = (share) => top + (Math.log(Math.max(share, least)) / Math.log(least)) * (height - top - bottom);
    const body = [];
    for (const share of [1, 0.1, 0.01, 0.001, 0.0001, 0.00001]) {
        body.push(`<line class="axis" x1="${left}" x2="${width - right}" y1="${round(y(share))}" y2="${round(y(share))}"/>`);
        const text = share === 1 ? 'all' : `${share * 100} %`.replace('0.001 %', '0.001 %');
        body.push(`<text class="faint" x="${left - 6}" y="${round(y(share)) + 4}" text-anchor="end">${text}</text>`);
    }
    for (const at of decades.filter((ns) => ns >= from && ns <= to)) {
        body.push(`<line class="axis" x1="${round(x(at))}" x2="${round(x(at))}" y1="${top}" y2="${height - bottom}"/>`);
        body.push(`<text class="faint" x="${round(x(at))}" y="${height - bottom + 16}" text-anchor="middle">${named[at]}</text>`);
    }
    body.push(`<text class="faint" x="${left}" y="${height - 6}">share of the messages that took longer than the time below</text>`);
    drawn.forEach((line, index) => {
        const total = line.bins.reduce((sum, bin) => sum + bin.count, 0);
        let left_over = total;
        const points = [`${round(x(line.bins[0].from_ns))},${round(y(1))}`];
        for (const bin of line.bins) {
            left_over -= bin.count;
            points.push(`${round(x(bin.to_ns))},${round(y(left_over / total))}`);
        }
        const dash = ['2 4', '', '8 4'][index % 3];
        body.push(`<polyline class="line${line.strong ? ' strong' : ''}" stroke-dasharray="${line.strong ? '' : dash}" points="${points.join(' ')}"/>`);
        body.push(`<line class="line${line.strong ? ' strong' : ''}" stroke-dasharray="${line.strong ? '' : dash}" x1="${width - 150}" x2="${width - 120}" y1="${top + 14 + index * 18}" y2="${top + 14 + index * 18}"/>`);
        body.push(`<text x="${width - 112}" y="${top + 18 + index * 18}">${escape(line.label)}</text>`);
    });
    return svg(width, height, title, body);
}

/** One line through points [[x, y], ...], y from zero. */
export function lineChart({ title, unit, across, points }) {
    const width = 720, height = 240, left = 60, top = 40, right = 30, bottom = 44;
    if (points.length === 0) return svg(width, 40, title, []);
    const xMost = Math.max(...points.map(([x]) => x)), yMost = Math.max(...points.map(([, y]) => y)) * 1.25;
    const x = (value) => round(left + (value / xMost) * (width - left - right));
    const y = (value) => round(height - bottom - (value / yMost) * (height - top - bottom));
    const body = [
        `<line class="axis" x1="${left}" x2="${width - right}" y1="${y(0)}" y2="${y(0)}"/>`,
        `<line class="axis" x1="${left}" x2="${left}" y1="${top}" y2="${y(0)}"/>`,
        `<polyline class="line strong" points="${points.map(([px, py]) => `${x(px)},${y(py)}`).join(' ')}"/>`,
        `<text class="faint" x="${width - right}" y="${height - 6}" text-anchor="end">${escape(across)}</text>`,
    ];
    for (const [px, py] of points) {
        body.push(`<circle class="dot" cx="${x(px)}" cy="${y(py)}" r="4"/>`);
        body.push(`<text x="${x(px)}" y="${y(py) - 10}" text-anchor="middle">${figure(py)} ${escape(unit)}</text>`);
        body.push(`<text class="faint" x="${x(px)}" y="${y(0) + 16}" text-anchor="middle">${px.toLocaleString('en-US')}</text>`);
    }
    return svg(width, height, title, body);
}

/** One column for each number, from left to right, and marks [{at, label}] between them, `at` counted in columns. */
export function columnChart({ title, unit, across, columns, marks = [] }) {
    const width = 720, height = 240, left = 60, top = 60, right = 10, bottom = 44;
    const most = Math.max(...columns, 1), each = (width - left - right) / columns.length;
    const y = (value) => round(height - bottom - (value / most) * (height - top - bottom));
    const body = [`<line class="axis" x1="${left}" x2="${width - right}" y1="${y(0)}" y2="${y(0)}"/>`];
    for (const share of [0.5, 1]) {
        body.push(`<line class="axis" x1="${left}" x2="${width - right}" y1="${y(share * most)}" y2="${y(share * most)}"/>`);
        body.push(`<text class="faint" x="${left - 6}" y="${y(share * most) + 4}" text-anchor="end">${figure(share * most)}</text>`);
    }
    columns.forEach((value, i) => {
        if (value > 0) body.push(`<rect class="strong" x="${round(left + i * each)}" y="${y(value)}" width="${round(Math.max(each - 1, 0.5))}" height="${round(y(0) - y(value))}"/>`);
    });
    for (const { at, label } of marks) {
        const x = round(left + at * each);
        body.push(`<line class="axis" x1="${x}" x2="${x}" y1="${top - 14}" y2="${y(0)}"/>`);
        body.push(`<text class="faint" x="${x + 3}" y="${top - 8}">${escape(label)}</text>`);
    }
    const step = Math.max(1, Math.ceil(columns.length / 10));
    for (let i = 0; i <= columns.length; i += step) body.push(`<text class="faint" x="${round(left + i * each)}" y="${y(0) + 16}" text-anchor="middle">${i}</text>`);
    body.push(`<text class="faint" x="${left}" y="36">${escape(unit)}</text>`);
    body.push(`<text class="faint" x="${width - right}" y="${height - 6}" text-anchor="end">${escape(across)}</text>`);
    return svg(width, height, title, body);
}
