import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorTable, SlipwayError } from '../../../src/errors.ts';
import { digestOf, openGiven } from '../../../src/gates/container/given.ts';
import { mostFiles } from '../../../src/gates/container/unpacking.ts';
import type { GivenFiles } from '../../../src/models/model.ts';
import { tarFile } from './tar-file.ts';
import { zipFile } from './zip-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-given-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let rooms = 0;
function openBytes(bytes: Uint8Array, name = 'given.bin'): Promise<GivenFiles> {
  const own = join(folder, `own-${rooms++}`);
  mkdirSync(own);
  writeFileSync(join(own, name), bytes);
  return openGiven({ name, path: join(own, name) }, join(own, 'room'));
}

const contents = ({ files }: GivenFiles): Record<string, string> =>
  Object.fromEntries([...files].map(([name, path]) => [name, readFileSync(path, 'utf8')]));

const model = { 'b/weights.bin': 'w'.repeat(70_000), MLmodel: 'flavors:\n', 'ü name.txt': '' };
const sums = [...Object.entries(model)]
  .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  .map(([name, text]) => `${createHash('sha256').update(text).digest('hex')}  ${name}\n`);
const digest = createHash('sha256').update(sums.join('')).digest('hex');

describe('the same model, however it is given', () => {
  let source: string;
  beforeAll(() => {
    source = join(folder, 'source', 'churn');
    for (const [name, text] of Object.entries(model)) {
      mkdirSync(dirname(join(source, name)), { recursive: true });
      writeFileSync(join(source, name), text);
    }
    mkdirSync(join(source, '.git'));
    writeFileSync(join(source, '.git', 'config'), 'not the model’s');
    writeFileSync(join(source, '.DS_Store'), 'nor this');
  });

  const same = async (given: GivenFiles): Promise<void> => {
    expect(contents(given)).toEqual(model);
    expect(given.folder).toBe(true);
    expect(await digestOf(given)).toEqual({ digest, bytes: 70_009 });
  };

  test('a folder', async () =>
    same(await openGiven({ name: 'churn', path: source }, join(folder, 'unused'))));

  test.each([
    ['tar, with its folder', ['-cf', '-', 'churn']],
    ['tar.gz, with its folder', ['-czf', '-', 'churn']],
    ['tar.gz, of what is in the folder', ['-czf', '-', '-C', 'churn', '.']],
  ])('%s, as the system’s tar packs it', async (_, options) => {
    const bytes = execFileSync('tar', options, { cwd: dirname(source) });
    await same(await openBytes(bytes));
  });

  test('zip, with what macOS adds', async () => {
    const entries = Object.entries(model).map(([name, content]) => ({ name: `churn/${name}`, content }));
    const extra = [
      { name: 'churn/', content: '', mode: 0o040755 },
      { name: '__MACOSX/churn/._MLmodel', content: 'x' },
      { name: 'churn/.DS_Store', content: 'x' },
    ];
    await same(await openBytes(zipFile([...extra, ...entries])));
  });

  test('one file in an archive is that file', async () => {
    const alone = await openBytes(zipFile([{ name: 'a/model.txt', content: 'tree' }]));
    expect(contents(alone)).toEqual({ 'model.txt': 'tree' });
    const bare = await openBytes(Buffer.from('tree'), 'model.txt');
    expect(bare.folder).toBe(false);
    expect(await digestOf(alone)).toEqual(await digestOf(bare));
    expect((await digestOf(bare)).digest).toBe(createHash('sha256').update('tree').digest('hex'));
  });
});

describe('what is not safe, or not whole, is refused in words', () => {
  const file = (path: string) => ({ name: path, content: 'x' });
  const many = Array.from({ length: mostFiles + 1 }, (_, i) => `f${i}`);
  const bomb = 'x'.repeat(80 * 2 ** 20);
  const whole = zipFile([{ name: 'a', content: 'hello '.repeat(1000) }]);
  const packed = gzipSync(tarFile([{ path: 'a', content: 'hello '.repeat(1000) }]));
  const cases: [what: string, bytes: () => Uint8Array, code: string, says: string][] = [
    ['zip: a name that climbs', () => zipFile([file('a/../../x')]), 'FILE_UNSAFE', 'out of it'],
    ['zip: an absolute name', () => zipFile([file('/etc/x')]), 'FILE_UNSAFE', 'absolute'],
    [
      'zip: a name that climbs, as Windows writes it',
      () => zipFile([file('..\\x')]),
      'FILE_UNSAFE',
      'out of it',
    ],
    ['zip: a drive', () => zipFile([file('C:/x')]), 'FILE_UNSAFE', 'C:/x'],
    ['zip: a control character', () => zipFile([file('a\u0007b')]), 'FILE_UNSAFE', 'control characters'],
    ['zip: a name too long', () => zipFile([file('n'.repeat(300))]), 'FILE_UNSAFE', 'too long'],
    ['zip: a link', () => zipFile([{ ...file('w'), mode: 0o120777 }]), 'FILE_UNSAFE', 'a link'],
    ['zip: a device', () => zipFile([{ ...file('w'), mode: 0o020666 }]), 'FILE_UNSAFE', 'a device'],
    ['zip: one name twice', () => zipFile([file('a'), file('b'), file('a')]), 'FILE_UNSAFE', 'two files'],
    [
      'zip: one name twice to macOS',
      () => zipFile([file('Model'), file('model')]),
      'FILE_UNSAFE',
      'two files',
    ],
    ['zip: too many', () => zipFile(many.map(file)), 'FILE_UNSAFE', 'more than 1000'],
    ['zip: a bomb', () => zipFile([{ name: 'x', content: bomb }]), 'FILE_UNSAFE', '200 times'],
    ['zip: more than it says', () => zipFile([{ ...file('x'), size: 900 }]), 'FILE_BROKEN', 'no whole zip'],
    ['zip: a wrong checksum', () => zipFile([{ ...file('x'), crc: 7 }]), 'FILE_BROKEN', 'checksum of x'],
    ['zip: encrypted', () => zipFile([{ ...file('x'), flags: 1 }]), 'FILE_UNSUPPORTED', 'encrypted'],
    ['zip: cut off', () => whole.subarray(0, whole.length - 10), 'FILE_BROKEN', 'no whole zip'],
    ['zip: empty', () => zipFile([]), 'FILE_NOT_RECOGNISED', 'holds no file'],
    ['tar: a name that climbs', () => tarFile([{ path: 'a/../../x' }]), 'FILE_UNSAFE', 'leads out'],
    ['tar: an absolute name', () => tarFile([{ path: '/etc/x' }]), 'FILE_UNSAFE', 'absolute'],
    ...(['SymbolicLink', 'Link', 'CharacterDevice', 'BlockDevice', 'FIFO'] as const).map(
      (type): [string, () => Uint8Array, string, string] => [
        `tar: ${type}`,
        () => tarFile([{ path: 'w', type, ...(type.endsWith('Link') ? { linkpath: '/etc/passwd' } : {}) }]),
        'FILE_UNSAFE',
        type,
      ],
    ),
    ['tar: too many', () => tarFile(many.map((path) => ({ path }))), 'FILE_UNSAFE', 'more than 1000'],
    [
      'tar.gz: a bomb',
      () => gzipSync(tarFile([{ path: 'x', content: bomb }])),
      'FILE_UNSAFE',
      'times its size',
    ],
    ['tar: cut off', () => tarFile([{ path: 'a', content: 'x', size: 9999 }]), 'FILE_BROKEN', 'no whole tar'],
    ['tar.gz: cut off', () => packed.subarray(0, packed.length - 20), 'FILE_BROKEN', 'no whole tar'],
    [
      'gzip of no tar',
      () => gzipSync('tree\nversion=v4\n'.repeat(100)),
      'FILE_UNSUPPORTED',
      'no tar archive',
    ],
    ['a gzip cut off at once', () => packed.subarray(0, 20), 'FILE_UNSUPPORTED', 'no tar archive'],
  ];
  test.each(cases)('%s', async (_, bytes, code, says) => {
    const thrown = await openBytes(bytes()).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(SlipwayError);
    expect(thrown).toMatchObject({ code, message: expect.stringContaining(says) });
    expect((thrown as SlipwayError).message).toContain('given.bin');
    // The default hint is about formats, and these are not.
    if (code === 'FILE_UNSAFE') expect((thrown as SlipwayError).hint).not.toBe(errorTable.FILE_UNSAFE.hint);
  });

  test('a link in a folder', async () => {
    const linked = join(folder, 'linked');
    mkdirSync(linked);
    writeFileSync(join(linked, 'model.txt'), 'tree');
    symlinkSync('/etc/hostname', join(linked, 'weights.bin'));
    await expect(openGiven({ name: 'linked', path: linked }, join(folder, 'unused'))).rejects.toMatchObject({
      code: 'FILE_UNSAFE',
      message: 'linked: weights.bin is a link or a device, not a file.',
    });
  });

  test('whatever is broken in an archive, all that is written is numbered files of its room', async () => {
    const archives = [
      zipFile(Object.entries(model).map(([name, content]) => ({ name, content: content.slice(0, 99) }))),
      tarFile(Object.entries(model).map(([path, content]) => ({ path, content: content.slice(0, 99) }))),
      packed,
    ];
    const damage = fc.record({
      archive: fc.nat(archives.length - 1),
      flips: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) }), {
        minLength: 1,
        maxLength: 6,
      }),
      cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ archive, flips, cut }) => {
        const bytes = Buffer.from(archives[archive]!);
        for (const { at, byte } of flips) bytes[Math.floor(at * (bytes.length - 1))] = byte;
        const given = await openBytes(bytes.subarray(0, Math.ceil((cut ?? 1) * bytes.length))).catch(
          (error: unknown) => error,
        );
        if (given instanceof Error) expect(given).toBeInstanceOf(SlipwayError);
        const own = join(folder, `own-${rooms - 1}`);
        expect(readdirSync(own).filter((name) => name !== 'room')).toEqual(['given.bin']);
        if (existsSync(join(own, 'room')))
          for (const name of readdirSync(join(own, 'room'))) expect(name).toMatch(/^\d+$/);
      }),
      { numRuns: 300, seed: 11 },
    );
  });
});
