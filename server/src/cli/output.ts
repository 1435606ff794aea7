import { stripVTControlCharacters, styleText } from 'node:util';
import { Help } from 'commander';
import { type ErrorCode, toSlipwayError } from '../errors.ts';
import { stringify } from '../json.ts';
import { UsageError } from './usage-error.ts';

/** Exit codes, as `slipway --help` says. `interrupted`: as shells count a Ctrl-C. */
export const exitCode = { ok: 0, refused: 1, usage: 2, unreachable: 3, gate: 4, interrupted: 130 } as const;

const gateCodes: readonly ErrorCode[] = [
  'GATE_FAILED',
  'SIGNATURE_MISMATCH',
  'CANDIDATE_TIMEOUT',
  'CANDIDATE_MEMORY',
  'CANDIDATE_CRASHED',
  'FILE_NOT_RECOGNISED',
  'FILE_BROKEN',
  'FILE_UNSAFE',
  'FILE_UNSUPPORTED',
  'DATA_BROKEN',
];

type Style = Parameters<typeof styleText>[0];

/** Colour where a person looks, never in a file or a pipe. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

export function say(text: string): void {
  process.stdout.write(`${wrap(text, process.stdout.columns)}\n`);
}

/**
 * Lines broken between words where the terminal ends, if it is one; a continued line begins under the first word
 * of its sentence, behind its mark.
 */
export function wrap(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  const wrapLine = (line: string): string => {
    if (stripVTControlCharacters(line).length <= columns) return line;
    const { length: lead } = /^ */.exec(line)![0];
    const { length: hang } = /^ *([●▲■✓] +)?/.exec(stripVTControlCharacters(line))![0];
    const broken = new Help().boxWrap(line.slice(lead), columns - hang);
    return ' '.repeat(lead) + broken.replaceAll('\n', `\n${' '.repeat(hang)}`);
  };
  return text.split('\n').map(wrapLine).join('\n');
}

/** One JSON document on stdout, and nothing else. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${stringify(value, 2)}\n`);
}

/** The error as a person reads it (code, what is wrong, what to do), or as a script does; sets the exit code. */
export function sayError(thrown: unknown, json: boolean): void {
  const { code, message, hint } = toSlipwayError(thrown);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, hint } })}\n`);
  else {
    const red = styleText('red', code, { stream: process.stderr });
    process.stderr.write(`${wrap(`${red}: ${message}\n${hint}`, process.stderr.columns)}\n`);
  }
  if (thrown instanceof UsageError) process.exitCode = exitCode.usage;
  else if (code === 'SERVER_UNREACHABLE') process.exitCode = exitCode.unreachable;
  else if (gateCodes.includes(code)) process.exitCode = exitCode.gate;
  else process.exitCode = exitCode.refused;
}

/** Columns aligned by their widest cell; numbers (as text) to the right. A line ends where the terminal does. */
export function table(
  header: string[],
  rows: string[][],
  columns = process.stdout.columns ?? Number.POSITIVE_INFINITY,
): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const numeric = header.map(
    (_, i) =>
      rows.length > 0 && rows.every((row) => /^[-−]?[\d.,]*( ?%| ms| µs| MB)?$|^–$/.test(row[i] ?? '')),
  );
  const line = (cells: string[]): string => {
    const padded = cells.map((cell, i) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
    const text = padded.join('  ').trimEnd();
    return text.length > columns ? `${text.slice(0, columns - 1)}…` : text;
  };
  return [paint('dim', line(header)), ...rows.map(line)].join('\n');
}

export function percent(share: number | null, digits = 1): string {
  return share === null ? '–' : `${(share * 100).toFixed(digits)} %`;
}
