import { SlipwayError } from '../errors.ts';
import type { Waiting } from '../waiting.ts';

/** What a caller may say about a request besides its rows. */
export interface Said {
  subject: string | null;
  key: string | null;
  /** Event time, ms; null: now. */
  at: number | null;
  /** 1 goes first; 0: what the version says. */
  priority: number;
  /** How long it waits, ms; Infinity: as long as its connection says. */
  timeoutMs: number;
}

/** The same, and its connection with it. */
export interface Caller extends Said, Waiting {}

/** Subjects and keys are names, not documents. */
const textLimit = 512;

/**
 * Reads `subject`, `key` and `at` of a request (or of its parameters), and Triton's `priority` and `timeout` (µs).
 * Throws INVALID_REQUEST.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_schedule_policy.md
 */
export function readSaid(fields: { [name: string]: unknown }): Said {
  const timeout = readCount(fields, 'timeout');
  return {
    subject: readText(fields, 'subject'),
    key: readText(fields, 'key'),
    at: readTime(fields.at),
    priority: readCount(fields, 'priority'),
    timeoutMs: timeout === 0 ? Number.POSITIVE_INFINITY : timeout / 1000,
  };
}

/** `since`: when its request was there, `performance.now()`. */
export function callerOf(said: Said, waiting: Waiting, since: number): Caller {
  const { subject, key, at, priority, timeoutMs } = said;
  const { trace, span, cancellation } = waiting;
  const deadline = Math.min(waiting.deadline, since + timeoutMs);
  return { subject, key, at, priority, timeoutMs, deadline, trace, span, cancellation };
}

/** 0 where there is none. */
function readCount(fields: { [name: string]: unknown }, name: string): number {
  const value = fields[name];
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new SlipwayError('INVALID_REQUEST', `"${name}" is not a whole number from 0 on.`);
  }
  return value;
}

export function readText(fields: { [name: string]: unknown }, name: string): string | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  // Two callers' numbers would become one name.
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new SlipwayError(
      'INVALID_REQUEST',
      `"${name}" is a number of which not all digits are kept.`,
      'Send it as text, in quotes.',
    );
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  if (typeof text !== 'string' || text.length === 0 || text.length > textLimit) {
    throw new SlipwayError('INVALID_REQUEST', `"${name}" is not a text of 1 to ${textLimit} characters.`);
  }
  return text;
}

/** An event later than this from now has a wrong clock or unit; one such would hold up every window, ms. */
const aheadMs = 24 * 3600_000;

/** ms since the epoch, given as such, as an ISO 8601 time, or as a date, month or year (its first moment, UTC); at most a day ahead. */
export function readTime(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  const time = typeof value === 'string' ? timeOf(value) : typeof value === 'number' ? value : Number.NaN;
  if (!Number.isFinite(time) || Math.abs(time) > 8.64e15) {
    throw new SlipwayError(
      'INVALID_REQUEST',
      '"at" is neither ms since the epoch nor an ISO 8601 date, or time with its zone.',
      'Send it as 2026-02-28T10:00:00Z or 2026-02-28T10:00:00+01:00, for example.',
    );
  }
  if (time > Date.now() + aheadMs) {
    throw new SlipwayError(
      'INVALID_REQUEST',
      '"at" is more than a day ahead: it is in ms since the epoch, UTC.',
    );
  }
  return time;
}

/** Digits alone are ms too, for gRPC's metadata holds no numbers; but four of them are a year of ISO 8601. */
const msText = /^-?\d{5,}$/;

/** Of ISO 8601: a year, a month or a day. */
const dateText = /^\d{4}(-\d\d){0,2}$/;
const restOfDate = '-01-01T00Z';

/** NaN where it is none. A time without a zone would be another one on another machine; Date.parse takes it, and 30 February. */
function timeOf(text: string): number {
  if (msText.test(text)) return Number(text);
  try {
    const whole = dateText.test(text) ? text + restOfDate.slice(text.length - '2001'.length) : text;
    return Temporal.Instant.from(whole).epochMilliseconds;
  } catch {
    return Number.NaN;
  }
}
