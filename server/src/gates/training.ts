import { SlipwayError } from '../errors.ts';
import { shown } from '../shown.ts';
import type { Feature, Signature } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';

/** Columns of a CSV or Parquet file, in the file's order of rows. */
export interface Table {
  rows: number;
  names: string[];
  /** float64 for numbers (NaN: missing), text for the rest (null: missing). */
  columns: (Float64Array | (string | null)[])[];
}

const numeric = /^(DOUBLE|FLOAT|REAL|DECIMAL.*|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|U?INTEGER|BOOLEAN)$/;

/** Reads training data with DuckDB, which keeps the rows' order. Throws DATA_BROKEN. */
export async function readTable(path: string, name: string): Promise<Table> {
  // Loaded only here: its native library is large, and most candidates bring no training data.
  const { DuckDBInstance } = await import('@duckdb/node-api');
  // Its own memory is part of the candidate's; it spills to the trial's folder.
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '1GB' });
  try {
    const connection = await instance.connect();
    const quoted = `'${path.replaceAll("'", "''")}'`;
    const source = (await isParquet(path)) ? `read_parquet(${quoted})` : `read_csv(${quoted}, header = true)`;
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)).getRowObjectsJS();
    const columns = described.map(({ column_name, column_type }) => ({
      name: String(column_name),
      isNumber: numeric.test(String(column_type)),
    }));
    const list = columns.map(({ name: column, isNumber }) => {
      const identifier = `"${column.replaceAll('"', '""')}"`;
      return `CAST(${identifier} AS ${isNumber ? 'DOUBLE' : 'VARCHAR'}) AS ${identifier}`;
    });
    const result = await connection.runAndReadAll(`SELECT ${list.join(', ')} FROM ${source}`);
    const values = result.getColumnsJS();
    return {
      rows: result.currentRowCount,
      names: columns.map((column) => column.name),
      columns: columns.map(({ isNumber }, i) =>
        isNumber
          ? Float64Array.from(values[i] ?? [], (value) => (value === null ? Number.NaN : Number(value)))
          : (values[i] ?? []).map((value) => (value === null ? null : String(value))),
      ),
    };
  } catch (error) {
    throw new SlipwayError(
      'DATA_BROKEN',
      `${name} cannot be read: ${(error as Error).message.split('\n')[0]}`,
    );
  } finally {
    instance.closeSync();
  }
}

async function isParquet(path: string): Promise<boolean> {
  const { open } = await import('node:fs/promises');
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1') === 'PAR1';
  } finally {
    await file.close();
  }
}

export interface Labels {
  /** One a row. */
  values: (string | number)[];
  /** Each that there is, in order. */
  classes: (string | number)[];
}

/** The label column as classes, or as values where a class for each would be too many to be classes. */
export function labelsOf(table: Table, label: string, name: string): Labels {
  const column = table.names.indexOf(label);
  if (column < 0) {
    throw new SlipwayError(
      'DATA_BROKEN',
      `${name} has no column "${label}"; it has ${table.names.slice(0, 30).join(', ')}.`,
    );
  }
  const values = Array.from(table.columns[column] as ArrayLike<string | number | null>, (value, row) => {
    if (value === null || Number.isNaN(value)) {
      throw new SlipwayError('DATA_BROKEN', `Row ${row + 1} of ${name} has no label in "${label}".`);
    }
    return value;
  });
  const classes = [...new Set(values)].sort((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1,
  );
  return { values, classes };
}

/** The columns of a signature's features as a frame. Throws DATA_BROKEN for a feature that has no column. */
export function frameOf(table: Table, signature: Pick<Signature, 'features'>, name: string): Frame {
  const { features } = signature;
  const frame = newFrame(table.rows, features.length);
  for (const [i, feature] of features.entries()) {
    const column = table.columns[table.names.indexOf(feature.name)];
    if (!column) {
      throw new SlipwayError('DATA_BROKEN', `${name} has no column for the feature "${feature.name}".`);
    }
    const code = coder(feature, frame.texts);
    for (let row = 0; row < table.rows; row++) {
      const value = code(column[row] ?? null);
      if (feature.strict && Number.isNaN(value)) {
        throw new SlipwayError(
          'DATA_BROKEN',
          `Row ${row} of ${name} has ${shown(column[row] ?? null)} as "${feature.name}", which the model does not take.`,
        );
      }
      frame.values[row * features.length + i] = value;
    }
  }
  return frame;
}

/** What a column of a file becomes in a frame; what does not fit is missing. */
function coder(feature: Feature, texts: string[]): (value: string | number | null) => number {
  if (feature.categories) {
    const codes = new Map(feature.categories.map((category, code) => [String(category), code]));
    return (value) => (value === null ? Number.NaN : (codes.get(String(value)) ?? Number.NaN));
  }
  if (feature.type === 'tensor')
    throw new SlipwayError(
      'DATA_BROKEN',
      `The feature "${feature.name}" is a tensor of open shape, which no table holds.`,
    );
  if (feature.type === 'string') {
    const known = new Map<string, number>();
    return (value) => {
      if (value === null || Number.isNaN(value)) return Number.NaN;
      const text = String(value);
      const code = known.get(text) ?? texts.push(text) - 1;
      known.set(text, code);
      return code;
    };
  }
  const number = (value: string | number | null): number =>
    value === null || value === '' ? Number.NaN : Number(value);
  // Beside a half stands what is in texts.
  return feature.type === 'integer' ? (value) => Math.trunc(number(value)) : number;
}
