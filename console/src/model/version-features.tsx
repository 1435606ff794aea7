import type { VersionView } from '../../../server/src/api.ts';
import { number, percent } from '../words/numbers.ts';

/** The page of a version with thousands of features stays a page. */
const most = 30;

/**
 * A version's features with their types and categories; by importance (of a coefficient its size), with its share, where
 * the format has it.
 */
export function VersionFeatures({ version: { features, importance } }: { version: VersionView }) {
  const measure = importance.at(-1);
  const sizes = measure?.values.map(Math.abs) ?? [];
  const total = sizes.reduce((sum, one) => sum + one, 0);
  const order = features.map((_, i) => i);
  if (measure) order.sort((a, b) => sizes[b]! - sizes[a]!);
  const left = features.length - most;
  return (
    <>
      <dl className="pairs features">
        {order.slice(0, most).map((i) => {
          const { name, type, categories, seen } = features[i]!;
          const known = categories ?? seen;
          const share = total > 0 ? sizes[i]! / total : null;
          return (
            <div key={name}>
              <dt title={name}>{name}</dt>
              <dd>
                {known ? `${type}${categories ? '' : ', seen'}: ${shownOf(known)}` : type}
                {share === null ? null : <span className="quiet"> {shareText(share)}</span>}
                {share === null ? null : (
                  <span
                    className="share"
                    title={importance.map((one) => `${one.measure} ${number(one.values[i]!)}`).join(', ')}
                  >
                    <i style={{ width: `${share * 100}%` }} />
                  </span>
                )}
              </dd>
            </div>
          );
        })}
      </dl>
      {left > 0 ? <p className="quiet">and {left} more</p> : null}
      {measure ? <p className="quiet">Bars: each feature’s share of the {measure.measure}.</p> : null}
    </>
  );
}

/** So many categories are shown. */
const mostCategories = 20;

function shownOf(categories: (string | number)[]): string {
  const shown = categories.slice(0, mostCategories).join(', ');
  return categories.length > mostCategories
    ? `${shown} and ${categories.length - mostCategories} more`
    : shown;
}

/** What rounds to nothing is not nothing. */
function shareText(share: number): string {
  return share > 0 && share < 0.005 ? '< 1 %' : percent(share);
}
