import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kinds } from '../src/models/kinds.ts';
import { monitorKinds } from '../src/monitors/kinds.ts';

/** The laws of the house that a machine can read (docs/architecture.md). */
const source = new URL('../src/', import.meta.url).pathname;

const floors: Record<string, number> = {
  cli: 8,
  processes: 7,
  http: 6,
  grpc: 6,
  control: 5,
  gates: 4,
  loops: 4,
  lane: 4,
  scorer: 4,
  registry: 3,
  models: 2,
  journal: 2,
  monitors: 1,
  rollout: 1,
  db: 1,
  link: 1,
  stats: 0,
  sketches: 0,
  oip: 0,
};

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);
const texts = new Map(files.map((file) => [file, readFileSync(join(source, file), 'utf8')]));

/** Paths, relative to src/, of what a file imports from the product. */
function imports(file: string): string[] {
  const found = [...texts.get(file)!.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)];
  return found.map((match) => relative(source, resolve(dirname(join(source, file)), match[1]!)));
}

const room = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');
/** Single files of src/ are data: the ground floor. */
const floor = (file: string): number => (room(file) === '' ? 0 : (floors[room(file)] ?? Number.NaN));

describe('law 1: imports go down', () => {
  test('every folder has a floor', () => {
    expect([...new Set(files.map(room))].filter((name) => name !== '' && !(name in floors))).toEqual([]);
  });

  test('never up, and never between folders of one floor', () => {
    const wrong = files.flatMap((file) =>
      imports(file)
        .filter((target) => room(target) !== room(file))
        .filter((target) => floor(target) > floor(file) || (floor(target) === floor(file) && floor(file) > 0))
        .map((target) => `${file} (floor ${floor(file)}) imports ${target} (floor ${floor(target)})`),
    );
    expect(wrong).toEqual([]);
  });

  test('imports lead to files that are there', () => {
    const lost = files.flatMap((file) =>
      imports(file).filter((target) => !existsSync(join(source, target)) && !target.startsWith('..')),
    );
    expect(lost).toEqual([]);
  });

  test('no circles', () => {
    const circles: string[] = [];
    const state = new Map<string, 'open' | 'done'>();
    const visit = (file: string, path: string[]): void => {
      if (state.get(file) === 'done' || !texts.has(file)) return;
      if (state.get(file) === 'open') {
        circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
        return;
      }
      state.set(file, 'open');
      // Types alone make no circle at run time, and two records may know each other's shape.
      const values = [...texts.get(file)!.matchAll(/^import (?!type )[^;]*?from '(\.[^']+)'/gm)].map(
        (match) => relative(source, resolve(dirname(join(source, file)), match[1]!)),
      );
      for (const target of values) visit(target, [...path, file]);
      state.set(file, 'done');
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });

  test('loops never call control', () => {
    const calls = files.filter(
      (file) => room(file) === 'loops' && imports(file).some((target) => room(target) === 'control'),
    );
    expect(calls).toEqual([]);
  });
});

describe('law 4: one list a family', () => {
  test('whatever is a kind is on the list', () => {
    const made = files.filter((file) => /^export const \w+: Kind = /m.test(texts.get(file)!)).length;
    expect(kinds.length).toBe(made);
    expect(new Set(kinds.map((kind) => kind.name)).size).toBe(kinds.length);
  });

  test('whatever is a monitor is on the list', () => {
    const made = files.filter(
      (file) => room(file) === 'monitors' && /^export const \w+: \w*Kind = /m.test(texts.get(file)!),
    ).length;
    expect(monitorKinds.length).toBe(made);
  });
});

describe('law 5: no hub', () => {
  test('no file or folder that means everything and nothing', () => {
    const hubs =
      /(^|\/)(utils?|helpers?|common|managers?|services?|types|interfaces|index|misc)(\.ts)?(\/|$)/;
    expect(files.filter((file) => hubs.test(file))).toEqual([]);
  });
});

describe('law 7: files are short', () => {
  test('none of more than 500 lines, nearly all under 300', () => {
    const lengths = files.map((file) => [file, texts.get(file)!.split('\n').length] as const);
    expect(lengths.filter(([, lines]) => lines > 500)).toEqual([]);
    expect(lengths.filter(([, lines]) => lines > 300).length).toBeLessThanOrEqual(files.length / 20);
  });
});

describe('law 8: only erasable TypeScript', () => {
  test('no enums, namespaces, parameter properties or decorators; no any', () => {
    const wrong = files.flatMap((file) => {
      const code = texts
        .get(file)!
        .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
        .replace(/'[^'\n]*'|`[^`]*`/g, "''");
      const found = [
        /^\s*(export )?(const )?enum \w/m,
        /^\s*(export )?namespace \w/m,
        /constructor\([^)]*\b(private|public|protected) /,
        /[:<|] ?any\b/,
      ];
      return found.filter((pattern) => pattern.test(code)).map((pattern) => `${file}: ${pattern}`);
    });
    expect(wrong).toEqual([]);
  });
});

test('nothing generated or forgotten lies in src', () => {
  expect(files.filter((file) => statSync(join(source, file)).size === 0)).toEqual([]);
});
