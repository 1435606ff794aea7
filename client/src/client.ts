/** What a feature may be in JSON. */
export type FeatureValue = number | string | boolean | null;
export type Features = { [name: string]: FeatureValue };
export type LabelValue = string | number | boolean;

/** What may be said about a request besides its features. */
export interface About {
  /** Whom it is about. */
  subject?: string;
  /** Your own name for it: its label can come by that. */
  key?: string;
  /** Event time: ms since the epoch, or a Date. Default: now. */
  at?: number | Date;
}

export interface Prediction {
  id: string;
  model: string;
  version: number;
  /** A class or a value; null: no number came out. Of a model with neither, every output by its name. */
  prediction: string | number | null | { [output: string]: unknown };
  probabilities?: { [label: string]: number };
  /** Of a classifier whose numbers are no probabilities; of two classes, the second's alone. */
  scores?: { [label: string]: number };
}

export interface Predictions {
  id: string;
  model: string;
  version: number;
  predictions: Omit<Prediction, 'model' | 'version'>[];
}

/** A label by the prediction's id, or by model and your own key. */
export type Label = ({ id: string } | { model: string; key: string }) & {
  label: LabelValue;
  at?: number | Date;
};

/** How a version is served; what is not said stays as it is. */
export interface Serving {
  /** `auto`: requests are merged into one call where the gate found it to pay. */
  batching?:
    | 'auto'
    | 'off'
    | {
        /** Rows in one call, at most. */
        maxSize?: number;
        /** Ascending: requests that make up one of these go at once. */
        preferredSizes?: number[];
        /** How long a request may wait for others. */
        maxDelayMs?: number;
        /** 1 goes first. */
        priorityLevels?: number;
        defaultPriority?: number;
        queueTimeoutMs?: number | null;
      };
  /** Most bytes of answers that each lane keeps by the content of their rows; 0: none. */
  cacheBytes?: number;
  timeoutMs?: number | null;
}

/** What went wrong, as Slipway says it: a code that stays, what is wrong, and what to do. */
export class SlipwayRequestError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly status: number;

  constructor(code: string, message: string, hint: string, status: number) {
    super(message);
    this.name = 'SlipwayRequestError';
    this.code = code;
    this.hint = hint;
    this.status = status;
  }
}

export interface Options {
  /** Address of the data plane: "http://127.0.0.1:8080". */
  url: string;
  /** Address of control, for `tune`: "http://127.0.0.1:8090". */
  control?: string;
  /** A bearer key, where Slipway was started with --key-file. */
  key?: string;
  /** Bound on one request, ms. */
  timeoutMs?: number;
}

const usualTimeoutMs = 30_000;

/** Predictions and labels over Slipway's data plane. Works in Node and in browsers; no dependencies. */
export class Slipway {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Asks a model about one row. Keep the id: its label comes by it. */
  predict(model: string, features: Features, about: About = {}): Promise<Prediction> {
    return this.#post(`/predict/${encodeURIComponent(model)}`, { features, ...timed(about) });
  }

  /** Asks a model about many rows at once; each has an id of its own. */
  predictRows(model: string, rows: Features[], about: About = {}): Promise<Predictions> {
    return this.#post(`/predict/${encodeURIComponent(model)}`, { rows, ...timed(about) });
  }

  /** Says what was true. Resolves when it is kept; with `wait`, when it is learned and all that came of it is served. */
  label(label: Label | Label[], options: { wait?: boolean } = {}): Promise<{ accepted: number }> {
    const body = Array.isArray(label) ? { labels: label.map(timed) } : timed(label);
    return this.#post(`/labels${options.wait ? '?wait=served' : ''}`, body);
  }

  /** Serves a version otherwise, without another version. Resolves when every lane does. Needs `control`. */
  async tune(model: string, version: number, serving: Serving): Promise<void> {
    const { control } = this.#options;
    if (control === undefined)
      throw new TypeError('The address of control is needed: new Slipway({ control }).');
    await this.#send(
      'PATCH',
      new URL(`/api/models/${encodeURIComponent(model)}/versions/${version}/serving`, control),
      serving,
    );
  }

  #post<T>(path: string, body: unknown): Promise<T> {
    return this.#send('POST', new URL(path, this.#options.url), body);
  }

  async #send<T>(method: 'POST' | 'PATCH', url: URL, body: unknown): Promise<T> {
    const { key, timeoutMs = usualTimeoutMs } = this.#options;
    const response = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const answer = (await response.json()) as { error?: { code: string; message: string; hint: string } };
    if (response.ok) return answer as T;
    const { code = 'INTERNAL', message = response.statusText, hint = '' } = answer.error ?? {};
    throw new SlipwayRequestError(code, message, hint, response.status);
  }
}

function timed<T extends { at?: number | Date }>(about: T): Omit<T, 'at'> & { at?: number } {
  const { at, ...rest } = about;
  return at === undefined ? rest : { ...rest, at: Number(at) };
}
