export type Level = 'look' | 'act';

/** What a monitor or gate says: level, evidence, since when, what to do. */
export interface Finding {
  /**
   * Same cause, same id: a monitor that says it again updates it. "electricity/1/out-of-range/vicprice".
   * Raised again after it was cleared it is another one, with another `since`.
   */
  id: string;
  model: string;
  version: number;
  monitor: string;
  /** The feature it is about, or null for the version as a whole. */
  feature: string | null;
  level: Level;
  /** One sentence a person can act on. */
  message: string;
  /** What to do about it. */
  hint: string;
  /** The numbers behind it, by name. */
  evidence: { [name: string]: number | string };
  /** Event time of the first event that it rests on, ms. */
  since: number;
  /** Event time of the event that raised it, ms. */
  at: number;
  /** Live predictions of this version seen up to and with the raising one. */
  row: number;
  /** Event time at which it stopped being true, ms, or null. */
  cleared: number | null;
}
