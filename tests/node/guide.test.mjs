// Every block of docs/guide is what it says: the pages are read in the order of the guide, and done what they say.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { blocksOf, fits, Reader } from './guide_reader.mjs';

const suite = { timeout: 400_000 };
const limit = { timeout: 100_000 };
const guide = fileURLToPath(new URL('../../docs/guide/', import.meta.url));
const read = (name) => readFileSync(join(guide, name), 'utf8');
const linksOf = (markdown) => [...markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
const pages = linksOf(read('README.md')).filter((link) => /^[\w-]+\.md$/.test(link));

/** The anchors that a page's headings have, as GitHub makes them. */
const anchorsOf = (markdown) => [...markdown.matchAll(/^#+ (.*)$/gm)]
  .map(([, heading]) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));

test('the index has every page once', () => {
  assert.deepEqual([...pages, 'README.md'].sort(), readdirSync(guide).sort());
});

test('troubleshooting has every code of the protocol', () => {
  const codes = readFileSync(new URL('../../lib/protocol/codes.hpp', import.meta.url), 'utf8').matchAll(/^ {4}\w+ = (\d+),/gm);
  const rows = read('troubleshooting.md').match(/^\| \d[^|]*\|/gm).join();
  const all = [...codes].map(([, code]) => code);
  assert.ok(all.length > 30, String(all));
  assert.deepEqual(all.filter((code) => !rows.includes(code)), []);
});

for (const page of ['README.md', ...pages]) {
  test(`the links of ${page} lead somewhere`, () => {
    for (const link of linksOf(read(page)).filter((each) => !/^https?:/.test(each))) {
      const [, path, anchor] = /^([^#]*)(?:#(.*))?$/.exec(link);
      const target = path ? resolve(dirname(join(guide, page)), path) : join(guide, page);
      assert.ok(existsSync(target), link);
      if (anchor) assert.ok(anchorsOf(readFileSync(target, 'utf8')).includes(anchor), link);
    }
  });

  test(`${page} shows what each command with curl prints`, () => {
    const blocks = blocksOf(read(page));
    for (const [i, { line, how, text }] of blocks.entries()) {
      if (/\bcurl\b/.test(text)) assert.deepEqual([how, blocks[i + 1]?.how], ['run', 'expect'], `line ${line}`);
    }
  });
}

for (const [printed, expected, good] of [
  ['a b\n', 'a b\n', true], ['a b\nc\n', 'a b\n', false], ['a b', 'a', false], ['x.y', 'x?y', false],
  ['{"epoch":"abc"}', '{"epoch":"..."}', true], ['{"epoch":"a\nb"}', '{"epoch":"..."}', false], ['axb', 'a.b', false],
]) {
  test(`${JSON.stringify(printed)} is ${good ? '' : 'not '}${JSON.stringify(expected)}`, () => {
    assert.equal(fits(printed, expected), good);
  });
}

describe('a reader', suite, () => {
  let reader;
  const folder = mkdtempSync(join(tmpdir(), 'carillon-guide-'));
  before(async () => {
    reader = await Reader.at(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const how of ['', 'runs', 'file', 'run=a']) {
    test(`does not pass over a block that says "${how}"`, limit, async () => {
      await assert.rejects(reader.take({ how, text: 'true' }), assert.AssertionError);
    });
  }

  for (const page of pages) {
    test(`of ${page} sees what it says`, limit, async () => {
      try {
        for (const block of blocksOf(read(page))) {
          await reader.take(block).catch((error) => {
            throw new Error(`docs/guide/${page}:${block.line}: ${error.message}`, { cause: error });
          });
        }
      } catch (error) {
        await reader.turn().catch(() => {});
        throw error;
      }
      await reader.turn();
    });
  }
});
