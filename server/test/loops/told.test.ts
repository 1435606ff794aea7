import { request } from 'node:http';
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

  /** On a connection of its own: the system gives it to either lane. */
  function post<T>(path: string, body: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, slipway.dataPlane), { method: 'POST', agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve(JSON.parse(text) as T));
      });
      sent.on('error', reject).end(JSON.stringify(body));
    });
  }

  test('are in force when it is said so, and are of the newest with that key', async () => {
    const [row] = electricity(9062, 9063);
    const { features } = row!;
    const found: unknown[] = [];
    const rounds = 60;
    for (let n = 0; n < rounds; n++) {
      // The second of two with the same key, one after the other: its lane has rung for the first.
      await post('/predict/electricity', { features, key: `order-${n}`, at: 1e12 });
      const { id } = await post<{ id: string }>('/predict/electricity', {
        features,
        key: `order-${n}`,
        at: 1e12 + 1,
      });
      await post('/labels?wait=served', { model: 'electricity', key: `order-${n}`, label: 1, at: 1e12 + 2 });
      found.push((await slipway.prediction(id)).label?.value);
    }
    expect(found).toEqual(Array(rounds).fill(1));
  });
});
