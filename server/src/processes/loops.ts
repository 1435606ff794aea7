import { setPriority } from 'node:os';
import { pino } from 'pino';
import { readSnapshot } from '../db/snapshot-file.ts';
import { layout } from '../layout.ts';
import { Loops } from '../loops/loops.ts';
import { superviseMe } from './child.ts';
import { readAssignment } from './config.ts';

/** Callers come first: the loops take what the lanes leave. */
const niceness = 5;

const { config } = readAssignment();
const places = layout(config.data);
const log = pino({ name: 'loops', level: config.logLevel });
const me = superviseMe(
  () => {},
  () => loops.stop(),
);
try {
  setPriority(niceness);
} catch {
  // Not allowed everywhere; it is a courtesy.
}
const loops = new Loops({
  ...config,
  layout: places,
  onDamage: (damage) => log.error(damage, 'Damage in the journal was passed over'),
});
await loops.start(readSnapshot(places.snapshot));
me.ready();
