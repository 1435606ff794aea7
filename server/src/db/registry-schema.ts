/** registry.db: what control knows. A step is never changed once released; a new one is added. */
export const registrySchema = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE models (
    model TEXT PRIMARY KEY, live INTEGER, previous INTEGER, rollout TEXT,
    failed_write TEXT NOT NULL, privacy TEXT NOT NULL
  ) WITHOUT ROWID;
  -- Immutable, but for hangs and quarantine.
  CREATE TABLE versions (
    model TEXT NOT NULL, version INTEGER NOT NULL, record TEXT NOT NULL,
    hangs INTEGER NOT NULL DEFAULT 0, quarantined INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (model, version)
  ) WITHOUT ROWID;
  CREATE TABLE checkpoints (
    model TEXT NOT NULL, version INTEGER NOT NULL, upd INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (model, version, upd)
  ) WITHOUT ROWID;
  CREATE TABLE rollouts (id TEXT PRIMARY KEY, model TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE timeline (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, event_time REAL, model TEXT, version INTEGER, kind TEXT NOT NULL,
    level TEXT NOT NULL, message TEXT NOT NULL, by TEXT NOT NULL, reasons TEXT NOT NULL
  );
  CREATE INDEX timeline_of_model ON timeline (model, id);
  -- Commands of the loops that were carried out.
  CREATE TABLE done (id TEXT PRIMARY KEY) WITHOUT ROWID;
  -- Findings of control's own, such as a quarantine.
  CREATE TABLE findings (id TEXT PRIMARY KEY, model TEXT NOT NULL, finding TEXT NOT NULL) WITHOUT ROWID;
  `,
  'ALTER TABLE models ADD COLUMN unloaded INTEGER NOT NULL DEFAULT 0',
  // How the version is served (serving.ts); null: nothing was chosen.
  'ALTER TABLE versions ADD COLUMN serving TEXT',
] as const;
