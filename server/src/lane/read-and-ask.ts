import { SlipwayError } from '../errors.ts';
import type { Span } from '../trace.ts';
import type { Arm } from './arm.ts';
import type { DataPlane } from './data-plane.ts';

/** A request that has come whole, of whatever edge, and whose rows nobody has read yet. */
export interface Unread<Read> {
  readonly model: string;
  /** null: the live one. */
  readonly version: number | null;
  /** Who waits for it. */
  readonly span: Span | null;
  /** By the side thread, where it takes longer than a turn of the event loop may; null: it does not. Throws nothing. */
  readAside(arm: Arm): Promise<Read> | null;
  read(arm: Arm): Read;
  ask(arm: Arm, read: Read): void;
  fail(thrown: unknown): void;
}

/**
 * Reads a request as the version that is to answer it has it read, and asks that version. What goes wrong once there is
 * a version is counted as an error of it. Throws what is wrong with the request, or has it `fail` later.
 */
export function readAndAsk<Read>(plane: DataPlane, unread: Unread<Read>): void {
  const { model, version } = unread;
  // A model that is not there is said first, whatever was sent to it.
  const arm = plane.route(model, version);
  if (!arm) {
    plane.whenAttached(
      model,
      version,
      unread.span,
      () => readAndAsk(plane, unread),
      (thrown) => unread.fail(thrown),
    );
    return;
  }
  const aside = unread.readAside(arm);
  if (!aside) counted(plane, arm, () => unread.ask(arm, unread.read(arm)));
  else
    aside
      .then(
        (read) => {
          // Another version may be live meanwhile, or this one detached.
          if (plane.route(model, version) === arm) counted(plane, arm, () => unread.ask(arm, read));
          else readAndAsk(plane, unread);
        },
        (thrown) =>
          counted(plane, arm, () => {
            throw thrown;
          }),
      )
      .catch((thrown) => unread.fail(thrown));
}

function counted(plane: DataPlane, arm: Arm, work: () => void): void {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof SlipwayError) plane.error(arm, thrown.code);
    throw thrown;
  }
}
