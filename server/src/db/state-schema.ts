/** state.db: all that the loops know. A step is never changed once released; a new one is added. */
export const stateSchema = [
  `
  -- Where each fold is in the journal (JSON of a Cursor), or in the outcomes (a number).
  CREATE TABLE cursors (name TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;

  -- Exact counts a model, in step with the cursor "watch".
  CREATE TABLE counts (
    model TEXT PRIMARY KEY, predictions INTEGER NOT NULL DEFAULT 0, labels INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0, invalid INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;

  -- The callers' own names of live predictions: kind 'key' or 'subject'.
  CREATE TABLE names (
    kind TEXT NOT NULL, model TEXT NOT NULL, name TEXT NOT NULL, at REAL NOT NULL, id BLOB NOT NULL,
    PRIMARY KEY (kind, model, name, at, id)
  ) WITHOUT ROWID;

  -- The newest live predictions a model, for the console's list.
  CREATE TABLE recent (model TEXT NOT NULL, id BLOB NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (model, id)) WITHOUT ROWID;

  -- Every label that was taken in. known = 0: it waits for its prediction.
  CREATE TABLE labels (
    label_id BLOB PRIMARY KEY, model TEXT, prediction BLOB, row INTEGER, key TEXT,
    label TEXT NOT NULL, is_text INTEGER NOT NULL, at REAL NOT NULL, known INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX labels_waiting ON labels (known) WHERE known = 0;
  CREATE INDEX labels_of_prediction ON labels (prediction, row);
  CREATE INDEX labels_of_key ON labels (model, key, at) WHERE key IS NOT NULL;

  -- One row a version that answered a labelled row. A correction is a new row that replaces the old.
  CREATE TABLE outcomes (
    seq INTEGER PRIMARY KEY, model TEXT NOT NULL, id BLOB NOT NULL, row INTEGER NOT NULL,
    version INTEGER NOT NULL, role TEXT NOT NULL, live_version INTEGER NOT NULL, rollout TEXT,
    upd INTEGER NOT NULL, at REAL NOT NULL, label_at REAL NOT NULL,
    -- Class index or value; the predicted class or value, infinite where there was no answer; p of the true class.
    truth REAL NOT NULL, answer REAL NOT NULL, correct INTEGER, log_loss REAL, error REAL,
    features BLOB, first INTEGER NOT NULL, replaces INTEGER, superseded INTEGER NOT NULL DEFAULT 0
  );
  CREATE INDEX outcomes_of_prediction ON outcomes (id, row, version);
  CREATE INDEX outcomes_in_time ON outcomes (model, at);

  -- Sums over the outcomes that count, an hour of event time each. whose: 'served', or a version's number.
  CREATE TABLE scores (
    model TEXT NOT NULL, whose TEXT NOT NULL, hour INTEGER NOT NULL, n INTEGER NOT NULL, correct INTEGER NOT NULL,
    classified INTEGER NOT NULL, log_loss REAL NOT NULL, absolute REAL NOT NULL, squared REAL NOT NULL,
    version INTEGER NOT NULL, PRIMARY KEY (model, whose, hour)
  ) WITHOUT ROWID;

  -- Learners: their state after the outcome "seq", and where each kept update lies in the outcomes.
  CREATE TABLE learners (
    model TEXT NOT NULL, version INTEGER NOT NULL, since INTEGER NOT NULL, seq INTEGER NOT NULL,
    upd INTEGER NOT NULL, refused INTEGER NOT NULL DEFAULT 0, state BLOB NOT NULL, PRIMARY KEY (model, version)
  ) WITHOUT ROWID;
  CREATE TABLE updates (
    model TEXT NOT NULL, version INTEGER NOT NULL, upd INTEGER NOT NULL, seq INTEGER NOT NULL,
    restored_from INTEGER, PRIMARY KEY (model, version, upd)
  ) WITHOUT ROWID;

  -- Monitors and traffic: state and view, saved now and then with the journal cursor "monitors".
  CREATE TABLE folds (name TEXT PRIMARY KEY, state BLOB NOT NULL, view TEXT) WITHOUT ROWID;
  CREATE TABLE findings (id TEXT PRIMARY KEY, model TEXT NOT NULL, at REAL NOT NULL, cleared REAL, finding TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  -- A cause that was raised again is another finding: a row each, the one that still holds among them at most once.
  CREATE TABLE episodes (
    id TEXT NOT NULL, since REAL NOT NULL, model TEXT NOT NULL, at REAL NOT NULL, cleared REAL, finding TEXT NOT NULL,
    PRIMARY KEY (id, since)
  ) WITHOUT ROWID;
  INSERT INTO episodes SELECT id, finding ->> 'since', model, at, cleared, finding FROM findings;
  DROP TABLE findings;
  ALTER TABLE episodes RENAME TO findings;
  `,
  `
  -- JSON of every version's signature that was ever served: labels come when their version is long out of the snapshot.
  CREATE TABLE signatures (
    model TEXT NOT NULL, version INTEGER NOT NULL, signature TEXT NOT NULL, PRIMARY KEY (model, version)
  ) WITHOUT ROWID;
  -- Commands that control has not carried out yet (serialised by node:v8), written with what they came of.
  CREATE TABLE commands (id TEXT PRIMARY KEY, command BLOB NOT NULL) WITHOUT ROWID;
  `,
] as const;
