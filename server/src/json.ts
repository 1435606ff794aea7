import { isUtf8 } from 'node:buffer';
import { SlipwayError } from './errors.ts';

/** In a list or an object, what begins as a whole number that float64 may not hold. As simple as can be: it is asked of every body. */
const manyDigits = /[[,:\s-]\d{16}/;

/** A body's one JSON value; `exact`: whole numbers that float64 does not hold are bigint. Throws INVALID_JSON. */
export function parseJson(bytes: Buffer, exact = false): unknown {
  // Decoding would put replacement characters in place of what was meant: two keys could become one.
  if (!isUtf8(bytes)) throw new SlipwayError('INVALID_JSON', 'The body is not UTF-8.');
  try {
    const text = bytes.toString();
    return exact ? parseExact(text) : JSON.parse(text);
  } catch (error) {
    throw new SlipwayError('INVALID_JSON', `The body is not JSON: ${(error as Error).message}.`);
  }
}

/**
 * What a long text may hold: V8 makes 60 MB of `{},{},…` into 20 million objects, takes half a minute and gigabytes for
 * it, and can't be stopped meanwhile. Rows are an object or a list each, and fewer.
 */
const mostHeld = 2_000_000;
const [quote, backslash, list, object] = ['"', '\\', '[', '{'].map((one) => one.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
];

/** Throws BODY_TOO_LARGE where a text holds more lists and objects than may be read. Pure; a pass over the bytes. */
export function refuseTooMuchHeld(json: Uint8Array): void {
  if (json.length <= 2 * mostHeld) return;
  let held = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === list || byte === object) held++;
    else if (byte === quote)
      for (at++; at < json.length && json[at] !== quote; at++) if (json[at] === backslash) at++;
  }
  if (held > mostHeld)
    throw new SlipwayError(
      'BODY_TOO_LARGE',
      `The body holds ${held} lists and objects, more than ${mostHeld}.`,
      'Send fewer rows at once, or tensors as bytes.',
    );
}

/** JSON with whole numbers that float64 does not hold as bigint. Throws SyntaxError. */
export function parseExact(text: string): unknown {
  return manyDigits.test(text) ? exactJson.parse(text, exactInteger) : JSON.parse(text);
}

/** With bigint as a whole number of all its digits; `indent`: as JSON.stringify has it. */
export function stringify(value: unknown, indent?: number): string {
  const exact = (_key: string, one: unknown) =>
    typeof one === 'bigint' ? exactJson.rawJSON(String(one)) : one;
  return JSON.stringify(value, exact, indent);
}

function exactInteger(_key: string, value: unknown, { source = '' }: { source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
    ? BigInt(source)
    : value;
}

/** What TypeScript does not know of JSON yet: https://tc39.es/proposal-json-parse-with-source/ */
const exactJson = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
