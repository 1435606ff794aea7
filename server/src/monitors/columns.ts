import type { PredictionEvent } from '../events.ts';
import type { FeatureBaseline } from './baseline.ts';
import { type FeatureReader, featureReader } from './feature-reader.ts';
import type { MonitorContext } from './monitor.ts';

/** The features of a version that can be watched, and where an event holds them. */
export interface Columns {
  readonly readers: FeatureReader[];
  /** The profile of each reader's feature. */
  readonly profiles: FeatureBaseline[];
  /** For each reader: the column of the event that holds it, or −1 where it is not kept as it is (dropped; hashed ones bear another name). */
  of(event: PredictionEvent): Int32Array;
}

/** Features with a baseline; null where there is none. */
export function columnsOf(context: MonitorContext): Columns | null {
  const { baseline, version } = context;
  if (baseline === null) return null;
  const profiles = new Map(baseline.features.map((feature) => [feature.name, feature]));
  const readers: FeatureReader[] = [];
  const watched: FeatureBaseline[] = [];
  for (const feature of version.signature.features) {
    const profile = profiles.get(feature.name);
    if (profile === undefined) continue;
    readers.push(featureReader(feature, profile));
    watched.push(profile);
  }
  if (readers.length === 0) return null;

  const places = new Int32Array(readers.length);
  let names: string[] = [];
  return {
    readers,
    profiles: watched,
    of(event) {
      if (!same(names, event.features)) {
        names = event.features;
        readers.forEach((reader, k) => {
          places[k] = names.indexOf(reader.name);
        });
      }
      return places;
    },
  };
}

/** Events of one version nearly always name the same features. */
function same(a: string[], b: string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false;
  return true;
}
