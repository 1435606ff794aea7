import type { Refusals } from './refusals.ts';

/** A value of a parsed JSON file that knows its place, so that what is wrong with it can be said. */
export class JsonValue {
  readonly value: unknown;
  private readonly place: string;
  private readonly refusals: Refusals;

  constructor(value: unknown, place: string, refusals: Refusals) {
    this.value = value;
    this.place = place;
    this.refusals = refusals;
  }

  fail(why: string): never {
    return this.refusals.broken(this.place || 'the file', why);
  }

  /** Own keys only, so a key like "__proto__" is just a key. */
  has(key: string): boolean {
    return this.isObject() && Object.hasOwn(this.value as object, key);
  }

  get(key: string): JsonValue {
    if (!this.isObject()) this.fail('is no object');
    if (!this.has(key)) this.fail(`has no “${key}”`);
    return this.child((this.value as Record<string, unknown>)[key], key);
  }

  /** The list's items; an absent or null list is empty, as CatBoost writes it. */
  items(key: string): JsonValue[] {
    if (!this.has(key) || this.get(key).value === null) return [];
    return this.get(key).list();
  }

  list(): JsonValue[] {
    if (!Array.isArray(this.value)) return this.fail('is no list');
    return this.value.map((item, k) => this.child(item, String(k)));
  }

  entries(): [string, JsonValue][] {
    if (!this.isObject()) this.fail('is no object');
    return Object.entries(this.value as object).map(([key, value]) => [key, this.child(value, key)]);
  }

  integer(least = -(2 ** 31), most = 2 ** 31 - 1): number {
    const { value } = this;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      return this.fail(`is no whole number from ${least} to ${most}`);
    }
    return value;
  }

  number(): number {
    return typeof this.value === 'number' && Number.isFinite(this.value)
      ? this.value
      : this.fail('is no finite number');
  }

  text(): string {
    return typeof this.value === 'string' ? this.value : this.fail('is no text');
  }

  /** A list of finite numbers. */
  numbers(): Float64Array {
    if (!Array.isArray(this.value)) return this.fail('is no list');
    const { value } = this;
    const bad = value.findIndex((one) => typeof one !== 'number' || !Number.isFinite(one));
    if (bad >= 0) this.fail(`item ${bad} is no finite number`);
    return Float64Array.from(value as number[]);
  }

  /** A key that is JSON in itself, read as one. */
  parsed(key: string): JsonValue {
    try {
      return this.child(JSON.parse(key), 'key');
    } catch {
      return this.fail('its key is not JSON');
    }
  }

  private isObject(): boolean {
    return typeof this.value === 'object' && this.value !== null && !Array.isArray(this.value);
  }

  private child(value: unknown, key: string): JsonValue {
    return new JsonValue(value, this.place === '' ? key : `${this.place}.${key.slice(0, 40)}`, this.refusals);
  }
}
