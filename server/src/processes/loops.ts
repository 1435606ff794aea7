import { setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { readSnapshot } from '../db/snapshot-file.ts';
import { layout } from '../layout.ts';
import { Loops } from '../loops/loops.ts';
import { superviseMe } from './child.ts';
import { readAssignment } from './config.ts';
import { logger } from './logger.ts';

/** Callers come first: the loops take what the lanes leave. */
const niceness = 5;

/**
 * Recent predictions live for seconds, which is long for V8: it would let several times the memory that they
 * need fill up with old ones before it looks. So it looks when the heap has grown by half.
 */
setFlagsFromString('--heap-growing-percent=50');

const { config } = readAssignment();
const places = layout(config.data);
const log = logger('loops', config.logLevel);
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
