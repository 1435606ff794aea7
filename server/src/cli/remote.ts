import { createReadStream, statSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { SlipwayError, toSlipwayError } from '../errors.ts';
import { parseExact, stringify } from '../json.ts';
import { packFolder } from './folder-archive.ts';
import { modelPath } from './model-path.ts';
import { UsageError, unreadable } from './usage-error.ts';

/** A running Slipway's control address, and the key to it. */
export interface Remote {
  server: string;
  key: string | undefined;
}

interface Body {
  type: 'application/json' | 'application/octet-stream';
  content: string | Readable;
  /** Null: not known before it has been read. */
  bytes: number | null;
}

/** Asks control (or, with a full URL, the data plane). Throws the server's own coded error, or SERVER_UNREACHABLE. */
export function ask<T>(remote: Remote, method: string, path: string, value?: unknown): Promise<T> {
  if (value === undefined) return send<T>(remote, method, path, null);
  const content = stringify(value);
  return send<T>(remote, method, path, {
    type: 'application/json',
    content,
    bytes: Buffer.byteLength(content),
  });
}

/** Uploads a file as it is; returns its name and digest. Throws UsageError for a file that cannot be read. */
export async function upload(remote: Remote, file: string): Promise<{ name: string; digest: string }> {
  const bytes = sizeOf(file);
  return { name: basename(file), digest: await put(remote, createReadStream(file), bytes) };
}

/** Uploads a file or, as a tar that is packed meanwhile, a folder. */
export async function uploadModel(remote: Remote, given: string): Promise<{ name: string; digest: string }> {
  const path = modelPath(given);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return upload(remote, path);
  const { name, content } = await packFolder(path);
  return { name, digest: await put(remote, content, null) };
}

async function put(remote: Remote, content: Readable, bytes: number | null): Promise<string> {
  const body: Body = { type: 'application/octet-stream', content, bytes };
  return (await send<{ digest: string }>(remote, 'PUT', '/api/uploads', body)).digest;
}

function sizeOf(file: string): number {
  try {
    const stat = statSync(file);
    if (stat.isFile()) return stat.size;
  } catch (error) {
    throw unreadable(file, error);
  }
  throw new UsageError(`${file} is not a file.`, 'Check the path.');
}

function send<T>(remote: Remote, method: string, path: string, body: Body | null): Promise<T> {
  const url = new URL(path, remote.server);
  const headers: Record<string, string | number> = {};
  if (remote.key) headers.authorization = `Bearer ${remote.key}`;
  if (body) {
    headers['content-type'] = body.type;
    if (body.bytes !== null) headers['content-length'] = body.bytes;
  }
  return new Promise((resolve, reject) => {
    const unreachable = (error: NodeJS.ErrnoException): void =>
      reject(
        new SlipwayError(
          'SERVER_UNREACHABLE',
          `No Slipway answers at ${url.origin} (${error.code ?? error.message}).`,
          /CERT|ISSUER/.test(error.code ?? '')
            ? 'Its certificate is not known here: name the one that signed it in NODE_EXTRA_CA_CERTS.'
            : undefined,
        ),
      );
    const outgoing = (url.protocol === 'https:' ? requestTls : request)(
      url,
      { method, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', unreachable);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          const answer = parse(Buffer.concat(chunks).toString());
          if (status >= 200 && status < 300 && answer !== undefined) resolve(answer as T);
          else reject(refusal(answer, `${url.origin} did not answer as Slipway does (status ${status}).`));
        });
      },
    );
    outgoing.on('error', unreachable);
    if (body === null || typeof body.content === 'string') outgoing.end(body?.content);
    else {
      const { content } = body;
      content.on('error', (error) => {
        reject(
          error instanceof SlipwayError
            ? error
            : unreadable('path' in content ? String(content.path) : 'The folder', error),
        );
        outgoing.destroy();
      });
      content.pipe(outgoing);
    }
  });
}

function parse(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

/** The server's own words, or that it is not a Slipway that answers there. */
function refusal(answer: unknown, otherwise: string): SlipwayError {
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined;
  if (typeof error === 'object' && error !== null && 'code' in error) return toSlipwayError(error);
  return new SlipwayError('SERVER_UNREACHABLE', otherwise);
}
