// Whether two runs of measure.sh agree about what the targets speak of.
//
//   node docs/performance/compare.mjs RESULTS-DIRECTORY RESULTS-DIRECTORY
//
// A line for each: the first run's figure, the second's, the difference, and the noise that the two state, which is by how much they
// may differ. Exit status 1 if a difference is larger, 2 if there is nothing to compare.
import { readResults, targetsOf } from './results.mjs';

const directories = process.argv.slice(2);
if (directories.length !== 2) {
    console.error('compare.mjs RESULTS-DIRECTORY RESULTS-DIRECTORY');
    process.exit(2);
}
const [one, other] = directories.map((directory) => targetsOf(readResults(directory)));

const percent = (share) => `${(share * 100).toFixed(0)} %`;
const show = (number) => number.toFixed(number < 100 ? 3 : 0);
let agreed = true;
let compared = 0;
for (const [name, first] of Object.entries(one)) {
    const second = other[name];
    if (first?.noise === undefined || second?.noise === undefined) {
        console.log(`${name.padEnd(14)} not measured often enough in both`);
        continue;
    }
    const difference = Math.exp(Math.abs(Math.log(first.middle / second.middle))) - 1;
    const noise = Math.max(first.noise, second.noise);
    const agrees = difference <= noise;
    agreed &&= agrees;
    ++compared;
    console.log([name.padEnd(14), show(first.middle).padStart(10), show(second.middle).padStart(10), percent(difference).padStart(7),
        `of ${percent(noise)}`.padStart(9), agrees ? '' : ' DISAGREE'].join(' ').trimEnd());
}
process.exitCode = compared === 0 ? 2 : agreed ? 0 : 1;
