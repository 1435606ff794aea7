/**
 * Every error that a user can meet, in one table: code → what HTTP status its edge gives it, and the
 * hint that says what to do when the thrower has no better one. Codes are part of the API: never renamed.
 */
export const errorTable = {
  // Requests
  INVALID_REQUEST: {
    status: 400,
    hint: 'See README for /predict and /labels, docs/protocols.md for the standard protocols, /api/openapi.json for control.',
  },
  INVALID_JSON: { status: 400, hint: 'Send one JSON value, UTF-8, with content-type application/json.' },
  BODY_TOO_LARGE: { status: 413, hint: 'Send fewer rows a request.' },
  HEAD_TOO_LARGE: { status: 431, hint: 'Send fewer or shorter headers, and a shorter target.' },
  REQUEST_TIMEOUT: {
    status: 408,
    hint: 'Send a request’s head within a minute, and all of it within five.',
  },
  UNSUPPORTED_CONTENT_TYPE: {
    status: 415,
    hint: 'Use content-type application/json (uploads: application/octet-stream).',
  },
  NOT_FOUND: { status: 404, hint: 'See /api/openapi.json for the paths there are.' },
  METHOD_NOT_ALLOWED: { status: 405, hint: 'See /api/openapi.json for the methods of this path.' },
  UNAUTHORIZED: {
    status: 401,
    hint: 'Send "authorization: Bearer <key>" with a key of the --key-file; the CLI takes it as --key or SLIPWAY_KEY.',
  },
  FORBIDDEN_ORIGIN: { status: 403, hint: 'Open the console at the address that `slipway serve` printed.' },
  CONFLICT: { status: 409, hint: 'Read the present state and try again.' },
  OVERLOADED: {
    status: 503,
    hint: 'Try again in a second, with back-off; more lanes (--lanes) or machines answer more, a longer --max-wait refuses less.',
  },
  TOO_MANY_WAITING: {
    status: 429,
    hint: 'Too many labels wait for predictions that are not known. Send labels after their predictions, or later.',
  },
  /** nginx's status: nobody is there to read it. */
  CANCELLED: { status: 499, hint: 'The caller went before its request was worked on.' },
  TIMEOUT: { status: 504, hint: 'Try again; if it stays, see `slipway status`.' },
  // Models and versions
  MODEL_NOT_FOUND: {
    status: 404,
    hint: 'List the models with `slipway status`, or deploy one with `slipway deploy NAME FILE`.',
  },
  VERSION_NOT_FOUND: { status: 404, hint: 'List the versions with `slipway versions NAME`.' },
  VERSION_QUARANTINED: { status: 409, hint: 'This version hung or crashed twice. Deploy a repaired one.' },
  NOT_SCORED: {
    status: 409,
    hint: 'Export the model with one value a row, or with a probability a class; name the classes with --classes.',
  },
  ROLLOUT_NOT_FOUND: { status: 404, hint: 'List the rollouts with `slipway rollout NAME`.' },
  CHECKPOINT_NOT_FOUND: { status: 404, hint: 'List the checkpoints with `slipway versions NAME`.' },
  NOTHING_TO_ROLL_BACK_TO: { status: 409, hint: 'No other version was live before this one.' },
  MODEL_UNLOADED: {
    status: 503,
    hint: 'Load it again: POST /v2/repository/models/NAME/load, or `slipway load NAME`.',
  },
  NO_LIVE_VERSION: {
    status: 503,
    hint: 'The last one was quarantined, as `slipway status` says. Deploy one that answers every row in bounded time.',
  },
  MODEL_LOADING: {
    status: 503,
    hint: 'Try again in a moment. Where it happens often, give models more memory: `slipway serve --model-memory`.',
  },
  ATTACH_FAILED: {
    status: 503,
    hint: 'Roll back, or deploy the version again: the lane cannot load what was kept of it.',
  },
  LOAD_REFUSED: {
    status: 403,
    hint: 'Only registered versions are loaded: deploy the files with `slipway deploy`, or send a key of `slipway serve --admin-key-file`.',
  },
  CONTROL_AWAY: { status: 503, hint: 'Control is being replaced. Try again in a moment.' },
  // Files
  FILE_NOT_RECOGNISED: {
    status: 422,
    hint: 'Slipway takes XGBoost and CatBoost files, LightGBM text, ONNX, its own logistic learner files, and files that name a model on another server.',
  },
  FILE_BROKEN: {
    status: 422,
    hint: 'Export the model again and compare the file’s size and checksum with the original.',
  },
  FILE_UNSAFE: {
    status: 422,
    hint: 'Export the model to a format that holds data only, such as ONNX or LightGBM text.',
  },
  FILE_UNSUPPORTED: { status: 422, hint: 'See docs/models.md for what each format may hold.' },
  DATA_BROKEN: {
    status: 422,
    hint: 'Training data must be a CSV or Parquet file with one named column a feature.',
  },
  PYTHON_NOT_ALLOWED: {
    status: 403,
    hint: 'Start Slipway with `slipway serve --allow-python` (and `slipway inspect` likewise): whoever may deploy may then run code on its machine. Or export the model: docs/models.md.',
  },
  PYTHON_UNUSABLE: {
    status: 422,
    hint: 'Name the interpreter that has the model’s libraries with --python, and install pyarrow there: pip install pyarrow.',
  },
  // Gates
  GATE_FAILED: { status: 422, hint: 'Mend what the gate names and deploy again. Nothing was registered.' },
  SIGNATURE_MISMATCH: { status: 422, hint: 'Deploy under another name, or pass --allow-signature-change.' },
  CANDIDATE_TIMEOUT: {
    status: 422,
    hint: 'If it is only large, give it longer: --candidate-timeout of `slipway serve` and `slipway inspect`. If it loops for ever, export it without the loop.',
  },
  CANDIDATE_MEMORY: {
    status: 422,
    hint: 'Give it more (--candidate-memory of `slipway serve` and `slipway inspect`), or export it smaller. Nothing else was touched.',
  },
  CANDIDATE_CRASHED: {
    status: 422,
    hint: 'Nothing else was touched. Export the model again; if it stays so, please report it with the file.',
  },
  // Rows
  FEATURE_MISSING: {
    status: 422,
    hint: 'Send every feature of the signature, or deploy with --missing impute.',
  },
  FEATURE_UNKNOWN: { status: 422, hint: 'Leave it out, or deploy with --extra ignore.' },
  FEATURE_MISTYPED: { status: 422, hint: 'See the signature: `slipway versions NAME --json`.' },
  CATEGORY_UNKNOWN: {
    status: 422,
    hint: 'Send a category of the signature, or deploy with --unknown impute.',
  },
  TENSOR_MISMATCH: { status: 400, hint: 'Compare names, datatypes and shapes with GET /v2/models/{model}.' },
  ROWS_EMPTY: { status: 422, hint: 'Send at least one row.' },
  PREDICTION_FAILED: {
    status: 500,
    hint: 'The model itself failed on this row: correct the row, or deploy a version that answers it.',
  },
  ROW_REFUSED: {
    status: 422,
    hint: 'The model takes other values than these: it says which part of it does not, and why.',
  },
  SCORER_LOST: {
    status: 503,
    hint: 'It is being replaced: try again in a second. The timeline says why it ended.',
  },
  // Upstreams of remote versions
  UPSTREAM_FAILED: {
    status: 502,
    hint: 'See the upstream’s own log, and slipway_upstream_requests_total in /metrics.',
  },
  UPSTREAM_REFUSED: { status: 422, hint: 'The upstream takes other rows than these; it says why.' },
  UPSTREAM_TIMEOUT: {
    status: 504,
    hint: 'Try again; "timeoutMs" and "connectMs" of the version’s file bound the wait.',
  },
  UPSTREAM_OPEN: {
    status: 503,
    hint: 'It failed too often and is left alone for some seconds. Try again, or roll back.',
  },
  UPSTREAM_BUSY: {
    status: 503,
    hint: 'Try again in a moment; "concurrency" of the version’s file bounds the requests at once.',
  },
  // Processes of Python versions
  PYTHON_CRASHED: {
    status: 502,
    hint: 'Its process is started again. What it printed is in Slipway’s log, and the last of it in its finding.',
  },
  PYTHON_TIMEOUT: { status: 504, hint: 'Send fewer rows a request, or give it longer: --python-timeout.' },
  PYTHON_AWAY: {
    status: 503,
    hint: 'Its process is being started again. Try again in a moment, or roll back.',
  },
  PYTHON_BUSY: {
    status: 503,
    hint: 'Its process answers one request after the other. Try again in a moment.',
  },
  // Journal and labels
  PREDICTION_NOT_FOUND: { status: 404, hint: 'Check the id; it stands in the answer of /predict.' },
  PREDICTION_EXPIRED: {
    status: 410,
    hint: 'The prediction is past retention, so its label cannot be joined any more.',
  },
  LABEL_INVALID: { status: 422, hint: 'A label is one of the model’s classes, or a number for regression.' },
  JOURNAL_WRITE_FAILED: {
    status: 503,
    hint: 'The journal’s disk is full or failing; nothing is answered that cannot be kept. Free space, or deploy with --failed-write serve.',
  },
  // The machine
  DATA_FOLDER_BUSY: { status: 500, hint: 'Stop the other Slipway, or give this one another --data folder.' },
  DATA_FOLDER_UNUSABLE: {
    status: 500,
    hint: 'Give a folder that this user may make and write to: slipway serve --data FOLDER.',
  },
  DATA_FOLDER_NEWER: { status: 500, hint: 'This folder was written by a newer Slipway. Use that one.' },
  KEY_FILE_REQUIRED: {
    status: 500,
    hint: 'Beyond loopback pass --key-file FILE, holding lines of "name:key".',
  },
  TLS_UNREADABLE: {
    status: 500,
    hint: 'Give --tls-cert and --tls-key PEM files that this user may read, and that belong together.',
  },
  ADDRESS_IN_USE: { status: 500, hint: 'Choose another port, or 0 for any free one.' },
  NODE_TOO_OLD: { status: 500, hint: 'Install Node 26 or newer.' },
  SERVER_UNREACHABLE: { status: 503, hint: 'Start it with `slipway serve`, or name it with --server URL.' },
  INTERNAL: { status: 500, hint: 'This is a fault in Slipway. Please report it with the server’s log.' },
} as const satisfies Record<string, { status: number; hint: string }>;

export type ErrorCode = keyof typeof errorTable;

/** An error that reaches the user as code, what is wrong, and what to do. */
export class SlipwayError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, hint: string = errorTable[code].hint) {
    super(message);
    this.name = 'SlipwayError';
    this.code = code;
    this.hint = hint;
  }
}

/** What crosses a process or network border; `toSlipwayError` turns it back. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  hint: string;
}

/** Any thrown thing as a coded error; what is not ours becomes INTERNAL without leaking a stack. */
export function toSlipwayError(thrown: unknown): SlipwayError {
  if (thrown instanceof SlipwayError) return thrown;
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown) {
    const { code, message, hint } = thrown as { code: unknown; message: unknown; hint?: unknown };
    if (typeof code === 'string' && code in errorTable) {
      return new SlipwayError(
        code as ErrorCode,
        String(message),
        typeof hint === 'string' ? hint : undefined,
      );
    }
  }
  return new SlipwayError('INTERNAL', thrown instanceof Error ? thrown.message : String(thrown));
}

export function errorBody(thrown: unknown): ErrorBody {
  const { code, message, hint } = toSlipwayError(thrown);
  return { code, message, hint };
}
