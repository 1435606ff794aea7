import type { Columns } from './columns.ts';
import type { MonitorContext } from './monitor.ts';

/** One thing that can be unusual about one feature. */
export interface Cause {
  kind: 'missing' | 'outside';
  /** Index among the watched features. */
  feature: number;
  /** Training had one value only, or none: any other is structural news. */
  never: boolean;
  /** Whether findings are made of it. */
  watched: boolean;
  /** Training rows like that, of `trainingRows`, as the test counts them (see moreOften), and their share. */
  trained: number;
  trainingRows: number;
  usual: number;
}

/** Two of each feature: 2k missing, 2k + 1 outside what training showed. */
export function causesOf(context: MonitorContext, columns: Columns): Cause[] {
  const trainingRows = context.baseline?.rows ?? 0;
  const learns = context.learns ?? context.version.checkpoint !== null;
  return columns.profiles.flatMap((profile, feature): Cause[] => {
    const present = trainingRows - profile.missing;
    const never = profile.constant !== null || present === 0;
    // How often chance leads beyond what training showed: numbers as in moreOften with m = 1; categories by how
    // many came once only in training, which says how many are yet to come (Good 1953, after Turing).
    const once = profile.categories?.counts.filter((count) => count === 1).length ?? 1;
    const usual = profile.missing / Math.max(1, trainingRows);
    return [
      {
        kind: 'missing',
        feature,
        never: false,
        watched: true,
        trained: profile.missing,
        trainingRows,
        usual,
      },
      // A learner has long learned what was constant in its first rows.
      {
        kind: 'outside',
        feature,
        never,
        watched: !(never && learns),
        trained: never ? 0 : once,
        trainingRows: present,
        usual: 0,
      },
    ];
  });
}
