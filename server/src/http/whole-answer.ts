import { STATUS_CODES } from 'node:http';

/** An answer as it leaves, head and body, for where node:http makes none. */
export function wholeAnswer(status: number, headers: Record<string, string | number>, text: string): string {
  const lines = Object.entries(headers).map(([name, said]) => `${name}: ${said}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${text}`;
}
