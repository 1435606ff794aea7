import { readFile } from 'node:fs/promises';
import type { Sample } from '../models/model.ts';
import type { Feature, FeatureType } from '../signature.ts';
import type { Trial } from './candidate.ts';
import { brokenRows, type RowTensor, readRows, rowsOf } from './golden.ts';
import { frameOf, type Labels, type Table } from './training.ts';

/** Enough to see what comes of several. */
const mostRows = 3;

/** The first rows of the training data, or else of the golden rows; null where neither is given. */
export async function sampleOf(
  { baseline, golden, label }: Trial,
  training: { table: Table; labels: Labels | null } | null,
): Promise<Sample | null> {
  if (training && baseline) return ofTraining(training, label, baseline.name);
  return golden
    ? ofGolden(readRows(await readFile(golden.path, 'utf8'), golden.name).inputs, golden.name)
    : null;
}

function ofTraining(
  { table, labels }: { table: Table; labels: Labels | null },
  label: string | null,
  name: string,
): Sample {
  const columns = table.columns.map((column) => column.slice(0, mostRows));
  const first: Table = { ...table, rows: Math.min(mostRows, table.rows), columns };
  const features = table.names.map((name, i): Feature => {
    return { name, type: columns[i] instanceof Float64Array ? 'number' : 'string' };
  });
  return {
    features: features.filter((feature) => feature.name !== label),
    classes: labels?.classes ?? null,
    rows: (wanted) => frameOf(first, { features: wanted }, name),
  };
}

function ofGolden(given: RowTensor[], name: string): Sample {
  const tensors = given.map((tensor) => ({ ...tensor, data: tensor.data.slice(0, mostRows) }));
  return {
    features: tensors.flatMap(({ name: own, columns, datatype = '' }): Feature[] =>
      (columns ?? [own]).map((column) => ({ name: column, type: typeOf(datatype) })),
    ),
    classes: null,
    rows: (features, inputs) => rowsOf(tensors, { features, inputs }, brokenRows(name)),
  };
}

/** By the protocol's datatypes. */
function typeOf(datatype: string): FeatureType {
  if (datatype === 'BYTES') return 'string';
  if (datatype === 'BOOL') return 'boolean';
  return /^U?INT/.test(datatype) ? 'integer' : 'number';
}
