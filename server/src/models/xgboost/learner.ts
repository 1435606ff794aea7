import type { Document, Words } from './document.ts';
import { readTree } from './tree.ts';
import { Trees } from './trees.ts';

/** What an XGBoost file holds, each part whole by itself; whether the parts fit together is not yet checked. */
export interface Learner {
  /** Of the XGBoost that wrote the file: [3, 2, 0]. */
  version: number[];
  attributes: Words;
  /** Empty if the file names none. */
  featureNames: string[];
  featureTypes: string[];
  param: Words;
  objective: string;
  /** quantile_alpha of reg:quantileerror, as text: "[1E-1,5E-1]". */
  quantiles: string | null;
  booster: Booster;
}

export interface Booster {
  name: string;
  param: Words;
  trees: Trees | null;
  treeInfo: Float64Array;
  /** Trees before each round, and all; null in files older than XGBoost 2. */
  roundStart: Float64Array | null;
  /** Of DART. */
  weights: Float64Array | null;
  /** Category names of each feature, by code; no list if the training frame had no categories. */
  categories: EncodedColumn[];
  /** Of gblinear. */
  linear: Float64Array | null;
}

/** Names: bytes of all, one after another, and where each begins; or whole numbers, without offsets. */
export interface EncodedColumn {
  offsets: Float64Array | null;
  values: Float64Array;
}

/** Reads the document to its end. Throws FILE_BROKEN. */
export function readLearner(document: Document): Learner {
  const booster: Booster = {
    name: '',
    param: new Map(),
    trees: null,
    treeInfo: new Float64Array(),
    roundStart: null,
    weights: null,
    categories: [],
    linear: null,
  };
  const learner: Learner = {
    version: [],
    attributes: new Map(),
    featureNames: [],
    featureTypes: [],
    param: new Map(),
    objective: '',
    quantiles: null,
    booster,
  };
  let found = false;
  document.object((key) => {
    if (key === 'version') learner.version = [...document.numbers()];
    else if (key === 'learner') {
      found = true;
      document.object((part) => readPart(document, part, learner));
    }
  });
  document.end();
  if (!found) document.broken('learner', 'is missing');
  return learner;
}

function readPart(document: Document, part: string, learner: Learner): void {
  if (part === 'attributes') learner.attributes = document.words();
  else if (part === 'feature_names') learner.featureNames = document.texts();
  else if (part === 'feature_types') learner.featureTypes = document.texts();
  else if (part === 'learner_model_param') learner.param = document.words();
  else if (part === 'gradient_booster') readBooster(document, learner.booster);
  else if (part === 'objective') {
    document.object((key) => {
      if (key === 'name') learner.objective = document.word();
      else if (key === 'quantile_loss_param') {
        learner.quantiles = document.words().get('quantile_alpha') ?? null;
      }
    });
  }
}

/** DART's trees lie one level deeper, in a booster of their own, before XGBoost 3.5; its weights beside or within. */
function readBooster(document: Document, booster: Booster): void {
  document.object((key) => {
    if (key === 'name') booster.name = document.word();
    else if (key === 'weight_drop') booster.weights = document.numbers();
    else if (key === 'model') readModel(document, booster);
    else if (key === 'gbtree') {
      document.object((inner) => {
        if (inner === 'model') readModel(document, booster);
      });
    }
  });
}

function readModel(document: Document, booster: Booster): void {
  document.object((key) => {
    if (key === 'gbtree_model_param') booster.param = document.words();
    else if (key === 'tree_info') booster.treeInfo = document.numbers();
    else if (key === 'iteration_indptr') booster.roundStart = document.numbers();
    else if (key === 'weight_drop') booster.weights = document.numbers();
    else if (key === 'weights') booster.linear = document.numbers();
    else if (key === 'cats') booster.categories = readCategories(document);
    else if (key === 'trees') {
      const trees = new Trees();
      document.list(() => trees.add(readTree(document), document));
      booster.trees = trees;
    }
  });
}

function readCategories(document: Document): EncodedColumn[] {
  const columns: EncodedColumn[] = [];
  document.object((key) => {
    if (key !== 'enc') return;
    document.list(() => {
      const column: EncodedColumn = { offsets: null, values: new Float64Array() };
      document.object((field) => {
        if (field === 'offsets') column.offsets = document.numbers();
        else if (field === 'values') column.values = document.numbers();
      });
      columns.push(column);
    });
  });
  return columns;
}
