import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Told } from '../../src/loops/told.ts';
import { electricity, inRepository, Slipway } from '../processes/harness.ts';

const at = (offset: number) => ({ 1: { segment: 1, offset } });

describe('how far lanes are told', () => {
  test('without labels by key, as far as is folded', () => {
    const told = new Told();
    expect(told.after(at(1), false, false)).toEqual(at(1));
    expect(told.after(at(2), false, true)).toEqual(at(2));
    expect(told.isPending).toBe(false);
  });

  test('with one, no further until a later round has looked everywhere', () => {
    const told = new Told();
    const joined = at(1);
    expect(told.after(joined, true, true)).toBeNull();
    expect(told.isPending).toBe(true);
    expect(told.after(at(2), false, false)).toBeNull();
    expect(told.after(at(3), true, false)).toBeNull();
    expect(told.after(at(4), false, true)).toEqual(at(4));
    expect(told.isPending).toBe(false);
  });

  test('where each round has some, those of the round before', () => {
    const told = new Told();
    // The loops go on writing into what they have joined.
    const joined = at(1);
    expect(told.after(joined, true, false)).toBeNull();
    joined[1] = { segment: 1, offset: 2 };
    expect(told.after(joined, true, true)).toEqual(at(1));
    joined[1] = { segment: 1, offset: 3 };
    expect(told.after(joined, true, true)).toEqual(at(2));
  });
});

describe('labels by key of what another lane has just answered', () => {
  let slipway: Slipway;
  beforeAll(async () => {
    slipway = await Slipway.start({ lanes: 2 });
    await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'));
  });
  afterAll(() => slipway.end());

  test('are in force when it is said so, and are of the newest with that key', async () => {
    const [row] = electricity(9062, 9063);
    const { features } = row!;
    const found: unknown[] = [];
    const rounds = 200;
    for (let n = 0; n < rounds; n++) {
      const named = { features, key: `order-${n}` };
      // The second of two with the same key, one after the other: its lane has rung for the first.
      await slipway.predict('electricity', { ...named, at: 1e12 });
      const { body } = await slipway.predict('electricity', { ...named, at: 1e12 + 1 });
      slipway.reconnect();
      await slipway.label({ model: 'electricity', key: named.key, label: 1, at: 1e12 + 2 });
      found.push((await slipway.prediction(body.id)).label?.value);
    }
    expect(found).toEqual(Array(rounds).fill(1));
  });
});
