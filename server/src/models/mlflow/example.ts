import { readFile, stat } from 'node:fs/promises';
import type { GivenFiles } from '../model.ts';

/** MLflow's input example, as tensors: rows, under the names of columns or of an input where it has them. */
export type Example = { name: string; columns?: string[]; data: unknown[] }[];

const mostBytes = 16 * 2 ** 20;

/**
 * Reads the example that `saved_input_example_info` names (mlflow/models/utils.py): a data frame in pandas' "split"
 * orientation, an array, or arrays by name. Null: there is none, or it is of another form (Spark, text, a sparse matrix).
 */
export async function readExample(given: GivenFiles, info: unknown): Promise<Example | null> {
  const path = info instanceof Map ? given.files.get(String(info.get('artifact_path'))) : undefined;
  if (path === undefined || (await stat(path)).size > mostBytes) return null;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
  const plain = Array.isArray(value) ? value : null;
  if (plain) return plain.length > 0 ? [{ name: '', data: plain }] : null;
  if (typeof value !== 'object' || value === null) return null;
  const parts = new Map(Object.entries(value));
  const columns = parts.get('columns');
  const data = parts.get('data');
  if (Array.isArray(columns) && Array.isArray(data))
    return [{ name: '', columns: columns.map(String), data }];
  const tensors = [...parts].flatMap(([name, rows]) => (Array.isArray(rows) ? [{ name, data: rows }] : []));
  return tensors.length > 0 && tensors.length === parts.size ? tensors : null;
}
