import { expect, test } from 'vitest';
import {
  attachMilliseconds,
  laneMicroseconds,
  placementAs,
  placementOf,
  shadowMicroseconds,
} from '../src/placement.ts';

const small = { runs: 'runtime', learns: false, hazard: null, microseconds: 20, attachTurn: 1 } as const;
const placed = (found: Partial<Parameters<typeof placementOf>[0]>) =>
  placementOf({ ...small, ...found }).placement;

test('what is small and bounded stays in the lanes, all else has a process of its own', () => {
  expect(placed({})).toBe('lane');
  expect(placed({ microseconds: laneMicroseconds })).toBe('lane');
  expect(placed({ microseconds: laneMicroseconds + 1 })).toBe('scorer');
  expect(placed({ runs: 'inline', microseconds: laneMicroseconds + 1 })).toBe('scorer');
  expect(placed({ hazard: 'its Loop' })).toBe('scorer');
});

test('what a runtime takes in during a longer turn than the lanes afford has a process of its own', () => {
  const attachTurn = attachMilliseconds + 0.5;
  expect(placed({ attachTurn: attachMilliseconds })).toBe('lane');
  expect(placementOf({ ...small, attachTurn })).toEqual({
    placement: 'scorer',
    why: 'in a process of its own: its runtime needs 6 ms to take it in, and 5 ms at a stretch are what the lanes afford',
  });
  expect(placed({ runs: 'inline', attachTurn })).toBe('lane');
  expect(placed({ learns: true, attachTurn })).toBe('lane');
  expect(placed({ runs: 'elsewhere', attachTurn })).toBe('elsewhere');
});

test('learners stay where their updates come, and another server’s model where it is', () => {
  expect(placed({ runs: 'inline', learns: true, microseconds: 1e6 })).toBe('lane');
  expect(placed({ runs: 'elsewhere', microseconds: 1e6 })).toBe('elsewhere');
  expect(placed({ runs: 'elsewhere', hazard: 'its own code' })).toBe('scorer');
});

test('a shadow that a lane cannot afford has a process of its own while it is one', () => {
  const version = { placement: 'lane', microseconds: shadowMicroseconds + 1, facts: {} } as const;
  const kind = { learns: false };
  expect(placementAs('shadow', version, kind)).toBe('scorer');
  expect(placementAs('other', version, kind)).toBe('lane');
  expect(placementAs('shadow', version, { learns: true })).toBe('lane');
  expect(placementAs('shadow', { ...version, microseconds: 10 }, kind)).toBe('lane');
  expect(placementAs('shadow', { ...version, placement: 'elsewhere' }, kind)).toBe('elsewhere');
});

test('an older Slipway’s remote version is where it was', () => {
  const old = { microseconds: 1e6, facts: { upstream: 'http://other' } };
  expect(placementAs('shadow', old, { learns: false })).toBe('elsewhere');
});

test('of a graph on onnxruntime that an older Slipway registered it is not known whether it ends', () => {
  const old = { microseconds: 10, facts: { runsOn: 'onnxruntime' } };
  expect(placementAs('other', old, { learns: false })).toBe('scorer');
  expect(placementAs('other', { ...old, placement: 'lane' }, { learns: false })).toBe('lane');
  expect(placementAs('other', { microseconds: 10, facts: {} }, { learns: false })).toBe('lane');
});
