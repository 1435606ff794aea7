import { type OnnxModel, readValue } from './graph.ts';
import { fields, MessageWriter, type Span, text } from './protobuf.ts';

/** ONNX's number for float tensors. */
const float = 1;

/**
 * ZipMap turns a tensor of probabilities into a list of maps, which no tensor protocol can carry. Gives the
 * same file with each ZipMap replaced by Identity and its output declared as what it is made from: a float
 * tensor, a column a class. Returns null if there is none.
 */
export function cutZipMaps(file: Uint8Array, model: OnnxModel): Uint8Array | null {
  const cut = new Map(
    model.graph.nodes
      .filter((node) => node.op === 'ZipMap')
      .map((node) => [node.outputs[0]!, classCount(node.attributes)]),
  );
  if (cut.size === 0) return null;
  const writer = new MessageWriter();
  for (const field of fields({ bytes: file, from: 0, to: file.length })) {
    if (field.number === 7) writer.bytes(7, cutGraph(field.span, cut));
    else writer.copy(field);
  }
  return writer.done();
}

function cutGraph(graph: Span, cut: Map<string, number>): Uint8Array {
  const writer = new MessageWriter();
  for (const field of fields(graph)) {
    if (field.number === 1 && isZipMap(field.span)) writer.bytes(1, identity(field.span));
    else if (field.number === 12 && cut.has(readValue(field.span).name)) {
      const { name } = readValue(field.span);
      writer.bytes(12, floatTensor(name, cut.get(name)!));
    } else writer.copy(field);
  }
  return writer.done();
}

function isZipMap(node: Span): boolean {
  for (const field of fields(node)) if (field.number === 4 && text(field.span) === 'ZipMap') return true;
  return false;
}

function identity(node: Span): Uint8Array {
  const writer = new MessageWriter();
  for (const field of fields(node))
    if (field.number === 1 || field.number === 2 || field.number === 3) writer.copy(field);
  writer.text(4, 'Identity');
  return writer.done();
}

function floatTensor(name: string, classes: number): Uint8Array {
  const message = (build: (writer: MessageWriter) => void): Uint8Array => {
    const writer = new MessageWriter();
    build(writer);
    return writer.done();
  };
  const rows = message((dim) => dim.text(2, 'N'));
  const columns = message((dim) => dim.number(1, classes));
  const shape = message((writer) => {
    writer.bytes(1, rows);
    writer.bytes(1, columns);
  });
  const tensor = message((writer) => {
    writer.number(1, float);
    writer.bytes(2, shape);
  });
  return message((writer) => {
    writer.text(1, name);
    writer.bytes(
      2,
      message((type) => type.bytes(1, tensor)),
    );
  });
}

function classCount(attributes: Map<string, { ints: number[]; strings: string[] }>): number {
  return (
    (attributes.get('classlabels_int64s')?.ints.length ?? 0) ||
    (attributes.get('classlabels_strings')?.strings.length ?? 0)
  );
}
