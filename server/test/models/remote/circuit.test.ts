import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Circuit } from '../../../src/models/remote/circuit.ts';

/** Makes a call if it is let; says whether it was. */
function call(circuit: Circuit, failed: boolean, now: number): boolean {
  const ticket = circuit.enter(now);
  if (ticket !== null) circuit.leave(ticket, failed, now);
  return ticket !== null;
}

function opened(now = 0): Circuit {
  const circuit = new Circuit();
  for (let i = 0; i < 10; i++) expect(call(circuit, true, now)).toBe(true);
  return circuit;
}

describe('a circuit', () => {
  test('opens with the tenth failure of the last twenty calls, and not before', () => {
    const circuit = new Circuit();
    for (let i = 0; i < 1000; i++) expect(call(circuit, i % 20 < 9, i)).toBe(true);
    const other = new Circuit();
    for (let i = 0; i < 20; i++) expect(call(other, i % 2 === 1, i)).toBe(true);
    expect(other.opened).toBe(1);
    expect(call(other, false, 20)).toBe(false);
  });

  test('is left alone for 1 s, then asks once; a failure doubles the wait up to 30 s', () => {
    const circuit = opened();
    let now = 0;
    for (const wait of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      expect(call(circuit, false, now + wait - 1), String(wait)).toBe(false);
      now += wait;
      expect(call(circuit, true, now)).toBe(true);
    }
  });

  test('lets one probe through at a time, and closes when it succeeds', () => {
    const circuit = opened();
    const probe = circuit.enter(1000);
    expect(probe).toBe('probe');
    expect(circuit.enter(1_000_000)).toBe(null);
    circuit.leave('probe', false, 1500);
    for (let i = 0; i < 9; i++) expect(call(circuit, true, 1500)).toBe(true);
    expect(circuit.opened).toBe(1);
    // The wait begins anew.
    call(circuit, true, 1500);
    expect(circuit.enter(2499)).toBe(null);
    expect(circuit.enter(2500)).toBe('probe');
  });

  test('learns nothing from calls of before it opened', () => {
    const circuit = new Circuit();
    const late = Array.from({ length: 30 }, () => circuit.enter(0)!);
    for (let i = 0; i < 10; i++) circuit.leave(late[i]!, true, 5);
    for (const ticket of late.slice(10)) circuit.leave(ticket, false, 6);
    expect(circuit.enter(7)).toBe(null);
    expect(circuit.opened).toBe(1);
  });

  test('is never stuck: whatever came before, an upstream that answers is called again within 30 s', () => {
    const step = fc.record({ failed: fc.boolean(), wait: fc.integer({ min: 0, max: 40_000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const circuit = new Circuit();
        let now = 0;
        for (const { failed, wait } of steps) {
          now += wait;
          call(circuit, failed, now);
        }
        expect(call(circuit, false, now + 30_000)).toBe(true);
        expect(call(circuit, false, now + 30_000)).toBe(true);
      }),
    );
  });
});
