import { SlipwayError } from '../../errors.ts';
import { isObject } from '../../json.ts';
import { shown } from '../../shown.ts';
import type { Feature } from '../../signature.ts';
import { mostColumns } from '../columns.ts';

type Label = string | number;

/** What model.py declares, once it is loaded, and who runs it. */
export interface Hello {
  python: string;
  pyarrow: string;
  /** null: it is not installed, and `predict` gets a pyarrow.Table. */
  pandas: string | null;
  features: Feature[] | null;
  classes: Label[] | null;
  missing: boolean;
}

const way =
  'In model.py: features = {"age": "number", "children": "integer", "member": "boolean", "plan": ["basic", "pro"], "note": "string"}';

/** The first message of runner.py. Throws PYTHON_UNUSABLE for an interpreter without pyarrow, FILE_BROKEN for what model.py does wrong. */
export function readHello(header: unknown, file: string, interpreter: string): Hello {
  const broken = (message: string, hint?: string): never => {
    throw new SlipwayError('FILE_BROKEN', `${file}: ${message}`, hint);
  };
  const said = isObject(header) ? header : {};
  if (said.lacks === 'pyarrow')
    throw new SlipwayError(
      'PYTHON_UNUSABLE',
      `${interpreter} (Python ${String(said.python)}) has no pyarrow: ${String(said.why)}.`,
    );
  if (typeof said.wrong === 'string') return broken(`${said.wrong}.`);
  const { python, pyarrow, pandas, features, classes, missing } = said;
  return {
    python: String(python),
    pyarrow: String(pyarrow),
    pandas: typeof pandas === 'string' ? pandas : null,
    features: Array.isArray(features) ? readFeatures(features, broken) : null,
    classes: Array.isArray(classes) ? readLabels(classes, '"classes"', broken) : null,
    missing: missing === true,
  };
}

type Broken = (message: string, hint?: string) => never;

function readFeatures(given: unknown[], broken: Broken): Feature[] {
  if (given.length === 0) broken('"features" is empty.', way);
  if (given.length > mostColumns) broken(`"features" names more than ${mostColumns}.`);
  const names = new Set<string>();
  return given.map((one): Feature => {
    const { name, is } = isObject(one) ? one : {};
    if (typeof name !== 'string' || name === '') return broken('"features" holds one without a name.', way);
    if (names.has(name)) broken(`"features" names ${shown(name)} twice.`);
    names.add(name);
    if (Array.isArray(is)) {
      const categories = readLabels(is, `Feature ${shown(name)}`, broken);
      return { name, type: 'category', categories, strict: true };
    }
    if (is === 'number' || is === 'integer' || is === 'boolean' || is === 'string') return { name, type: is };
    return broken(`Feature ${shown(name)} is of the type ${shown(is)}.`, way);
  });
}

/** Text or whole numbers, each once. */
function readLabels(given: unknown[], what: string, broken: Broken): Label[] {
  const labels = given.flatMap((one): Label[] =>
    typeof one === 'string' || Number.isSafeInteger(one) ? [one as Label] : [],
  );
  const isOneType = new Set(labels.map((one) => typeof one)).size === 1;
  if (labels.length !== given.length || !isOneType || new Set(labels).size !== labels.length)
    broken(`${what} takes a list of texts or of whole numbers, each once; not ${shown(given)}.`);
  return labels;
}
