// The conversations of proto/vectors, played by the program that stands beside them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startGateway } from './gateway.mjs';

const player = fileURLToPath(new URL('../../proto/vectors/play.mjs', import.meta.url));
const limit = { timeout: 120_000 };
const run = promisify(execFile);

test('every conversation goes as its vector says', limit, async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.stop());
  const { stdout } = await run(process.execPath, [player, gateway.socketUrl], { timeout: 100_000 });
  assert.match(stdout, /^[1-9]\d* vectors, 0 failed\n$/);
});
