/** Speaks to the control API: JSON in, JSON out, refusals as errors a person can read. */

export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  constructor(status: number, code: string, message: string, hint: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

const place = 'slipway-key';
let asking: Promise<string | null> | null = null;
let ask: (() => Promise<string | null>) | null = null;

/** Who asks a person for a key when the API wants one. */
export function askForKeyWith(asker: () => Promise<string | null>): void {
  ask = asker;
}

export async function api<T>(path: string, body?: unknown): Promise<T> {
  const response = await send(path, body === undefined ? {} : post(body));
  const text = await response.text();
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Below: an answer without JSON is a refusal.
  }
  if (response.ok && parsed !== null) return parsed as T;
  const error = (parsed as { error?: { code?: string; message?: string; hint?: string } } | null)?.error;
  throw new Refusal(
    response.status,
    error?.code ?? 'UNREACHABLE',
    error?.message ?? `Slipway answered ${response.status} to ${path}.`,
    error?.hint ?? '',
  );
}

/** Fetches with the key, asking for it once when it is wanted. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  const used = sessionStorage.getItem(place);
  const first = await fetch(path, withKey(init, used));
  if (first.status !== 401) return first;
  const newer = sessionStorage.getItem(place);
  const key = newer !== used ? newer : await askOnce();
  return key ? fetch(path, withKey(init, key)) : first;
}

function askOnce(): Promise<string | null> {
  if (!ask) return Promise.resolve(null);
  asking ??= ask().then((key) => {
    if (key) {
      sessionStorage.setItem(place, key);
      // A wrong key may be corrected: the next refusal asks again.
      asking = null;
    }
    return key;
  });
  return asking;
}

function withKey(init: RequestInit, key: string | null): RequestInit {
  return key ? { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } } : init;
}

function post(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
