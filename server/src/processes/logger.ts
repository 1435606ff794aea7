import { destination, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

const standardError = 2;

/** A process's log, a JSON line an entry. Standard output is what the command itself says (`--json`: one document). */
export function logger(name: string, level: Config['logLevel']): Logger {
  return pino({ name, level }, destination(standardError));
}
