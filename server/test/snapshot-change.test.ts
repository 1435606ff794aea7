import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ServedModel, Snapshot } from '../src/snapshot.ts';
import { applyChange, changeBetween } from '../src/snapshot-change.ts';

// Names that every object has are names like others.
const names = fc.constantFrom('churn', 'electricity', 'constructor', 'toString', 'a');
const steps = fc.array(fc.dictionary(names, fc.nat(3), { noNullPrototype: true }), { maxLength: 8 });

/** Models of the step; those whose number is as before are the same objects, as control makes them. */
function snapshotOf(step: Record<string, number>, before: Snapshot | null): Snapshot {
  const models: Snapshot['models'] = {};
  for (const [name, live] of Object.entries(step)) {
    const known = before && Object.hasOwn(before.models, name) ? before.models[name]! : null;
    models[name] = known?.live === live ? known : ({ name, live } as ServedModel);
  }
  return { number: (before?.number ?? 0) + 1, at: 0, models };
}

test('what is sent as changes arrives as the snapshots that they were made of', () => {
  fc.assert(
    fc.property(steps, (all) => {
      let before: Snapshot | null = null;
      let held: Snapshot | null = null;
      for (const step of all) {
        const after = snapshotOf(step, before);
        const change = structuredClone(changeBetween(before, after));
        for (const [name, model] of Object.entries(before?.models ?? {})) {
          if (after.models[name] === model) expect(Object.keys(change.models)).not.toContain(name);
        }
        const next: Snapshot | null = applyChange(held, change);
        expect(next).toEqual(after);
        for (const [name, model] of Object.entries(held?.models ?? {})) {
          if (before && after.models[name] === before.models[name]) expect(next!.models[name]).toBe(model);
        }
        [before, held] = [after, next];
      }
    }),
  );
});

test('a change of another snapshot than the one that is there is not applied', () => {
  const first = snapshotOf({ a: 1 }, null);
  const second = snapshotOf({ a: 2 }, first);
  const third = snapshotOf({ a: 3 }, second);
  expect(applyChange(first, changeBetween(second, third))).toBeNull();
  expect(applyChange(null, changeBetween(second, third))).toBeNull();
  expect(applyChange(first, changeBetween(null, third))).toEqual(third);
});
