import type { Frame } from '../../../tensor.ts';
import { wholeNumber } from '../whole-numbers.ts';
import { binary, unary } from './functions.ts';
import type { OfOne, OfTwo, Step } from './plan.ts';
import type { Run, Space } from './space.ts';
import { choose, everyRow, exceeds, impute, ofOne, ofTwo, reduce } from './step-elementwise.ts';
import { dot, linear } from './step-linear.ts';
import { normalize } from './step-normalize.ts';
import { transforms, transformsOfDoubles } from './transforms.ts';

type Makers = {
  [Op in Exclude<Step['op'], OfOne | OfTwo>]: (step: Extract<Step, { op: Op }>, space: Space) => Run;
};

const { fround } = Math;

export function runOf(step: Step, space: Space): Run {
  if (isOfOne(step)) return ofOne(step, space);
  if (isOfTwo(step)) return ofTwo(step, space);
  return (makers[step.op] as (step: Step, space: Space) => Run)(step, space);
}

const isOfOne = (step: Step): step is Extract<Step, { op: OfOne }> => Object.hasOwn(unary, step.op);
const isOfTwo = (step: Step): step is Extract<Step, { op: OfTwo }> => Object.hasOwn(binary, step.op);

const makers: Makers = {
  take,
  reduce,
  choose,
  scale: ({ from, to, at }, { values, widths, constants }) => {
    const [source, target, width] = [values[from]!, values[to]!, widths[to]!];
    const offsets = constants.slice(at, at + width);
    const scales = constants.slice(at + width, at + 2 * width);
    return (rows) => {
      for (let row = 0, k = 0; row < rows; row++)
        for (let i = 0; i < width; i++, k++)
          target[k] = fround(fround(source[k]! - offsets[i]!) * scales[i]!);
    };
  },
  impute,
  concat: ({ from, to }, { values, widths }) => {
    const [target, width] = [values[to]!, widths[to]!];
    const runs = from.map((one, k) => {
      const offset = from.slice(0, k).reduce((sum, before) => sum + widths[before]!, 0);
      return { source: values[one]!, columns: widths[one]!, offset };
    });
    return (rows) => {
      for (const { source, columns, offset } of runs)
        for (let row = 0; row < rows; row++)
          for (let i = 0; i < columns; i++) target[row * width + offset + i] = source[row * columns + i]!;
    };
  },
  pick: ({ from, to, columns }, { values, widths }) => {
    const [source, target, width, wide] = [values[from]!, values[to]!, widths[to]!, widths[from]!];
    return (rows) => {
      for (let row = 0; row < rows; row++)
        for (let i = 0; i < width; i++) target[row * width + i] = source[row * wide + columns[i]!]!;
    };
  },
  fill: ({ at, to }, space) => {
    // No step writes over another's value: once is enough.
    space.values[to]!.set(everyRow(at, to, space));
    return () => {};
  },
  encodeTexts: ({ from, to, keys, at }, space) => {
    const { values, widths, constants } = space;
    const [source, target, width] = [values[from]!, values[to]!, widths[from]!];
    const codes = new Map(keys.map((key, k) => [key, constants[at + k]!]));
    const other = constants[at + keys.length]!;
    return (rows) => {
      for (let k = 0; k < rows * width; k++)
        target[k] = codes.get(space.frame.texts[source[k]!] ?? '') ?? other;
    };
  },
  encodeNumbers: ({ from, to, count, at }, { values, widths, constants }) => {
    const [source, target, width] = [values[from]!, values[to]!, widths[from]!];
    const codes = new Map(
      Array.from({ length: count }, (_, k) => [constants[at + k]!, constants[at + count + k]!]),
    );
    const other = constants[at + 2 * count]!;
    return (rows) => {
      for (let k = 0; k < rows * width; k++) target[k] = codes.get(source[k]!) ?? other;
    };
  },
  oneHotTexts: ({ from, to, categories }, space) => {
    const indices = new Map(categories.map((text, k) => [text, k]));
    return oneHot(from, to, space, (x) => indices.get(space.frame.texts[x] ?? ''));
  },
  oneHotNumbers: ({ from, to, categories }, space) => {
    const indices = new Map(categories.map((number, k) => [number, k]));
    return oneHot(from, to, space, (x) => indices.get(Math.trunc(x)));
  },
  linear,
  dot,
  normalize,
  transform: ({ from, to, by, double }, { values, widths }) => {
    const [source, target, width] = [values[from]!, values[to]!, widths[to]!];
    const rewrite = double ? transformsOfDoubles[by] : transforms[by];
    return (rows) => {
      for (let k = 0; k < rows * width; k++) target[k] = source[k]!;
      for (let k = 0; k < rows * width; k += width) rewrite(target, k, width);
    };
  },
  ask: ({ from, to, questions }, { values, widths }) => {
    const [source, target, narrow, width] = [values[from]!, values[to]!, widths[from]!, widths[to]!];
    const asked = questions.map(({ feature, values: of }) => ({ feature, of: new Set(of) }));
    return (rows) => {
      for (let row = 0; row < rows; row++) {
        for (let i = 0; i < narrow; i++) target[row * width + i] = source[row * narrow + i]!;
        for (let k = 0; k < asked.length; k++) {
          const x = source[row * narrow + asked[k]!.feature]!;
          target[row * width + narrow + k] = Number.isNaN(x) ? x : asked[k]!.of.has(x) ? 0 : 1;
        }
      }
    };
  },
  walk: ({ from, to, forest }, { values, widths, forests }) => {
    const [source, target, width, model] = [values[from]!, values[to]!, widths[from]!, forests[forest]!];
    const frame: Frame = { rows: 0, width, values: source, texts: [] };
    return (rows) => {
      frame.rows = rows;
      model.margins(frame, target);
    };
  },
  complement: pair((x) => fround(1 - x)),
  opposite: pair((x) => -x),
  argMax: ({ from, to }, { values, widths }) => {
    const [source, target, width] = [values[from]!, values[to]!, widths[from]!];
    return (rows) => {
      for (let row = 0; row < rows; row++) {
        let best = 0;
        for (let k = 1; k < width; k++) if (source[row * width + k]! > source[row * width + best]!) best = k;
        target[row] = best;
      }
    };
  },
  exceeds,
  lookUp: ({ from, to, at }, { values, constants }) => {
    const [source, target] = [values[from]!, values[to]!];
    return (rows) => {
      for (let row = 0; row < rows; row++) target[row] = constants[at + source[row]!]!;
    };
  },
};

function take({ to, column, datatype, input }: Extract<Step, { op: 'take' }>, space: Space): Run {
  const [target, width] = [space.values[to]!, space.widths[to]!];
  /** Copies the rows' columns as they are, then makes of them what the datatype holds. */
  const copying =
    (hold: (count: number) => void): Run =>
    (rows) => {
      const { values, width: columns } = space.frame;
      let from = space.first * columns + column;
      for (let row = 0, k = 0; row < rows; row++, from += columns)
        for (let i = from; i < from + width; i++) target[k++] = values[i]!;
      hold(rows * width);
    };
  if (datatype === 'FP64' || datatype === 'BYTES') return copying(() => {});
  if (datatype === 'FP32')
    return copying((count) => {
      for (let k = 0; k < count; k++) target[k] = fround(target[k]!);
    });
  return copying((count) => {
    for (let k = 0; k < count; k++) target[k] = wholeNumber(target[k]!, datatype, input);
  });
}

function oneHot(
  from: number,
  to: number,
  { values, widths }: Space,
  indexOf: (x: number) => number | undefined,
): Run {
  const [source, target, width, each] = [
    values[from]!,
    values[to]!,
    widths[to]!,
    widths[to]! / widths[from]!,
  ];
  return (rows) => {
    target.fill(0, 0, rows * width);
    for (let k = 0; k * each < rows * width; k++) {
      const found = indexOf(source[k]!);
      if (found !== undefined) target[k * each + found] = 1;
    }
  };
}

/** Two numbers of one: what `other` makes of it, and itself. */
function pair(other: (x: number) => number) {
  return ({ from, to }: { from: number; to: number }, { values }: Space): Run => {
    const [source, target] = [values[from]!, values[to]!];
    return (rows) => {
      for (let row = 0; row < rows; row++) {
        target[2 * row] = other(source[row]!);
        target[2 * row + 1] = source[row]!;
      }
    };
  };
}
