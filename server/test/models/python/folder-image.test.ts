import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { ProgramFile } from '../../../src/models/program-file.ts';
import { unpacked, writeImage } from '../../../src/models/python/folder-image.ts';

const room = mkdtempSync(join(tmpdir(), 'slipway-image-'));
afterAll(() => rmSync(room, { recursive: true, force: true }));

/** Names and contents, as files. */
function laid(contents: Map<string, Uint8Array>): Map<string, string> {
  const folder = mkdtempSync(join(room, 'given-'));
  return new Map(
    [...contents].map(([name, bytes]) => {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
      return [name, path];
    }),
  );
}

const name = fc
  .array(fc.stringMatching(/^[a-z0-9é _.-]{1,8}x$/), { minLength: 1, maxLength: 3 })
  .map((parts) => `${parts.join('_/')}.bin`);

test('a folder comes out as it went in, whatever is in it, and the same one is the same image', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(name, fc.uint8Array({ maxLength: 200_000, size: 'max' }), { maxKeys: 5 }),
      async (given) => {
        const contents = new Map(Object.entries(given));
        const images = [join(room, 'one'), join(room, 'two')] as const;
        for (const image of images) await writeImage(image, laid(contents), 'given');
        expect(readFileSync(images[0]).equals(readFileSync(images[1]))).toBe(true);
        const file = await ProgramFile.open(images[0]);
        const folder = await unpacked(file, join(room, 'out'));
        await file.close();
        const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((one) =>
          statSync(join(folder, one)).isFile(),
        );
        expect(files.sort()).toEqual([...contents.keys()].sort());
        for (const [file, bytes] of contents) {
          expect(readFileSync(join(folder, file)).equals(bytes)).toBe(true);
          expect(statSync(join(folder, file)).mode & 0o777).toBe(0o400);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('an image that an earlier Slipway kept is read', async () => {
  // It had a digest in its index.
  const head = Buffer.from('{"format":1,"digest":"abc","files":[{"name":"model.py","bytes":4}]}');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const image = Buffer.concat([length, head, Buffer.from('pass')]);
  const folder = await unpacked(image, join(room, 'out'));
  expect(readFileSync(join(folder, 'model.py'), 'utf8')).toBe('pass');
});
