import { Column, type DataType, Precision, Type, tableFromIPC } from '@uwdata/flechette';
import type { Datatype } from '../../signature.ts';

/** An output as runner.py sends it: its values row by row, `width` a row. */
export interface AnswerColumn {
  name: string;
  datatype: Datatype;
  width: number;
  rows: number;
  values: ArrayLike<unknown>;
}

/** The columns of an Arrow IPC stream of one batch. Throws an Error for a type that runner.py does not send. */
export function answersOf(bytes: Uint8Array): AnswerColumn[] {
  const table = tableFromIPC(bytes, { useBigInt: true });
  return table.names.map((name, i): AnswerColumn => {
    const column: Column<unknown> = table.getChildAt(i);
    const { type, length: rows } = column;
    if (type.typeId !== Type.FixedSizeList)
      return { name, datatype: datatypeOf(type, name), width: 1, rows, values: column.toArray() };
    const [item] = type.children;
    const parts = column.data.flatMap(({ children }) => children);
    const values = parts.length > 0 ? new Column<unknown>(parts).toArray() : [];
    return { name, datatype: datatypeOf(item!.type, name), width: type.stride, rows, values };
  });
}

function datatypeOf(type: DataType, name: string): Datatype {
  switch (type.typeId) {
    case Type.Float:
      return type.precision === Precision.SINGLE ? 'FP32' : 'FP64';
    case Type.Int:
      return 'INT64';
    case Type.Bool:
      return 'BOOL';
    case Type.Utf8:
      return 'BYTES';
    default:
      throw new Error(`output "${name}" is of a type that is not taken`);
  }
}
