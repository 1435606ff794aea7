import { rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { toSlipwayError } from '../errors.ts';
import { layout } from '../layout.ts';
import { listen } from '../link/link.ts';
import type { LaneToScorer, ScorerOrder, ScorerToLane } from '../messages.ts';
import { attachVersion } from '../models/attach-version.ts';
import type { Model } from '../models/model.ts';
import { allowPython } from '../models/python/settings.ts';
import { Scorer } from '../scorer/scorer.ts';
import { superviseMe } from './child.ts';
import { readAssignment } from './config.ts';
import { logger } from './logger.ts';
import { Reporter } from './reporter.ts';

/** How often it is said that a call goes on, ms. */
const usedMs = 500;

/** Lanes come first: whoever asks a slow version has time, whoever asks a quick one beside it has not. */
const niceness = 5;

/** A scorer: one version in a process of its own, for all lanes. It is ready, and listens, once it is warm. */
const { config, name } = readAssignment();
const places = layout(config.data);
const python = join(places.python, name);
allowPython(config.python && { ...config.python, folder: python });
const log = logger(name, config.logLevel);
let running: { server: Server; scorer: Scorer; model: Model } | null = null;

const me = superviseMe(
  (message) => {
    if (message.type === 'leave') running?.scorer.leave();
    if (message.type !== 'score') return;
    const { model, served } = message.order;
    start(message.order).catch((error) =>
      reporter.failed(model, served.version, toSlipwayError(error)).then(() => process.exit(1)),
    );
  },
  async () => {
    if (!running) return;
    const { server, scorer, model } = running;
    server.close();
    await scorer.left();
    await model.close?.();
  },
  () => running !== null && !running.model.isBounded && running.scorer.isBusy,
);

const reporter = new Reporter(log, (message) => me.send(message));

try {
  setPriority(niceness);
} catch {
  // Not allowed everywhere; it is a courtesy.
}

async function start({ model: name, served }: ScorerOrder): Promise<void> {
  // Of one before it that was killed.
  await rm(python, { recursive: true, force: true });
  const { attached: model } = await attachVersion(served, places.blobs, (attached) =>
    reporter.listen(name, served.version, attached),
  );
  const scorer = new Scorer(model, () => me.used());
  const server = await listen<LaneToScorer, ScorerToLane>(places.scorerSocket(name, served.version), (link) =>
    scorer.met(link),
  );
  running = { server, scorer, model };
  // Of a model that bounds its calls itself the heartbeat goes on during a call, and does not say that there is one.
  if (model.isBounded) setInterval(() => scorer.isBusy && me.used(), usedMs);
  reporter.tell();
  me.ready();
}
