import { type Field, fields, numbers, type Span, text } from './protobuf.ts';

/** What is read of an ONNX model before a runtime sees it. Field numbers: onnx.proto3 of the ONNX repository. */
export interface OnnxModel {
  irVersion: number;
  opsets: { domain: string; version: number }[];
  producer: string;
  graph: OnnxGraph;
  /** Names of the operators that the file itself defines. */
  functions: string[];
}

export interface OnnxGraph {
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

export interface OnnxNode {
  op: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Map<string, OnnxAttribute>;
}

export interface OnnxAttribute {
  ints: number[];
  floats: number[];
  strings: string[];
  tensors: OnnxTensor[];
  graphs: OnnxGraph[];
}

export interface OnnxTensor {
  name: string;
  dims: number[];
  type: number;
  /** Bytes of raw data; null where the values stand in typed fields. */
  rawBytes: number | null;
  /** Bytes, or strings, in typed fields: no fewer than the values in them. */
  typedBytes: number;
  external: boolean;
  /** The whole message, for whoever needs its values. */
  span: Span;
}

/** `dims`: −1 for what is not fixed; null for a shape that is not given, or a type that is no tensor. */
export interface OnnxValue {
  name: string;
  type: number;
  dims: number[] | null;
  isTensor: boolean;
}

/** ModelProto's fields as bytes of a tag: number and wire type. */
const modelTags = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72];

/** Whether a file begins as an ONNX model does: its IR version as field 1, then another field of a model. */
export function beginsAsModel(head: Uint8Array): boolean {
  if (head[0] !== 0x08) return false;
  let i = 1;
  while (i < head.length && head[i]! >= 0x80) i++;
  // No exporter writes IR 1; TensorFlow's SavedModel begins so.
  if (head[1] === 1) return false;
  return i <= 2 && (i + 1 >= head.length || modelTags.includes(head[i + 1]!));
}

/** Deeper subgraphs than these are no model. */
const mostDepth = 24;

/** Throws RangeError in words for what is no ONNX model. */
export function readModel(file: Uint8Array): OnnxModel {
  const model: Omit<OnnxModel, 'graph'> = { irVersion: 0, opsets: [], producer: '', functions: [] };
  let graph: OnnxGraph | null = null;
  for (const field of fields({ bytes: file, from: 0, to: file.length })) {
    if (field.number === 1) model.irVersion = field.value;
    else if (field.number === 2) model.producer = `${text(field.span)}${model.producer}`;
    else if (field.number === 3) model.producer = `${model.producer} ${text(field.span)}`;
    else if (field.number === 7) {
      // A runtime would merge them: all that it reads must be checked.
      if (graph) throw new RangeError('it holds two graphs');
      graph = readGraph(need(field), 0);
    } else if (field.number === 8) model.opsets.push(readOpset(need(field)));
    else if (field.number === 25) model.functions.push(nameOf(need(field)));
  }
  if (!graph) throw new RangeError('it holds no graph');
  if (model.opsets.length === 0) throw new RangeError('it names no operator set');
  return { ...model, graph };
}

function nameOf(span: Span): string {
  for (const field of fields(span)) if (field.number === 1) return text(need(field));
  return '';
}

function readGraph(span: Span, depth: number): OnnxGraph {
  if (depth > mostDepth) throw new RangeError(`its graphs are nested more than ${mostDepth} deep`);
  const graph: OnnxGraph = { nodes: [], initializers: [], inputs: [], outputs: [] };
  for (const field of fields(span)) {
    if (field.number === 1) graph.nodes.push(readNode(need(field), depth));
    else if (field.number === 5) graph.initializers.push(readTensor(need(field)));
    else if (field.number === 15) readSparse(need(field), graph.initializers);
    else if (field.number === 11) graph.inputs.push(readValue(need(field)));
    else if (field.number === 12) graph.outputs.push(readValue(need(field)));
  }
  return graph;
}

function readNode(span: Span, depth: number): OnnxNode {
  const node: OnnxNode = { op: '', domain: '', inputs: [], outputs: [], attributes: new Map() };
  for (const field of fields(span)) {
    if (field.number === 1) node.inputs.push(text(need(field)));
    else if (field.number === 2) node.outputs.push(text(need(field)));
    else if (field.number === 4) node.op = text(need(field));
    else if (field.number === 7) node.domain = text(need(field));
    else if (field.number === 5) {
      const { name, ...attribute } = readAttribute(need(field), depth);
      node.attributes.set(name, attribute);
    }
  }
  return node;
}

function readAttribute(span: Span, depth: number): OnnxAttribute & { name: string } {
  const attribute = {
    name: '',
    ints: [] as number[],
    floats: [] as number[],
    strings: [] as string[],
    tensors: [] as OnnxTensor[],
    graphs: [] as OnnxGraph[],
  };
  for (const field of fields(span)) {
    if (field.number === 1) attribute.name = text(need(field));
    else if (field.number === 3 || field.number === 8) append(attribute.ints, field);
    else if (field.number === 2 || field.number === 7) appendFloats(attribute.floats, field);
    else if (field.number === 4 || field.number === 9) attribute.strings.push(text(need(field)));
    else if (field.number === 5 || field.number === 10) attribute.tensors.push(readTensor(need(field)));
    else if (field.number === 22 || field.number === 23) readSparse(need(field), attribute.tensors);
    else if (field.number === 6 || field.number === 11)
      attribute.graphs.push(readGraph(need(field), depth + 1));
  }
  return attribute;
}

function readTensor(span: Span): OnnxTensor {
  const tensor: OnnxTensor = {
    name: '',
    dims: [],
    type: 0,
    rawBytes: null,
    typedBytes: 0,
    external: false,
    span,
  };
  for (const field of fields(span)) {
    if (field.number === 1) append(tensor.dims, field);
    else if (field.number === 2) tensor.type = field.value;
    else if (field.number === 8) tensor.name = text(need(field));
    else if (field.number === 9) tensor.rawBytes = field.span.to - field.span.from;
    else if (field.number === 6) tensor.typedBytes++;
    else if (typedFields.includes(field.number))
      tensor.typedBytes += field.wire === 0 ? 1 : field.span.to - field.span.from;
    else if (field.number === 13 || (field.number === 14 && field.value === 1)) tensor.external = true;
  }
  return tensor;
}

/** float, int32, int64, double and uint64 data. */
const typedFields = [4, 5, 7, 10, 11];

/** A sparse tensor is two tensors: values and where they stand. */
function readSparse(span: Span, into: OnnxTensor[]): void {
  for (const field of fields(span))
    if (field.number === 1 || field.number === 2) into.push(readTensor(need(field)));
}

function append(list: number[], field: Field): void {
  for (const value of numbers(field)) list.push(value);
}

function appendFloats(list: number[], { wire, span: { bytes, from, to } }: Field): void {
  if ((wire !== 2 && wire !== 5) || (to - from) % 4 !== 0)
    throw new RangeError('a number is of the wrong type');
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, to - from);
  for (let at = 0; at < view.byteLength; at += 4) list.push(view.getFloat32(at, true));
}

export function readValue(span: Span): OnnxValue {
  const value: OnnxValue = { name: '', type: 0, dims: null, isTensor: false };
  for (const field of fields(span)) {
    if (field.number === 1) value.name = text(need(field));
    else if (field.number !== 2) continue;
    else
      for (const type of fields(need(field))) {
        if (type.number !== 1) continue;
        value.isTensor = true;
        for (const part of fields(need(type))) {
          if (part.number === 1) value.type = part.value;
          else if (part.number === 2) value.dims = readDims(need(part));
        }
      }
  }
  return value;
}

function readDims(span: Span): number[] {
  const dims: number[] = [];
  for (const dim of fields(span)) {
    let size = -1;
    for (const part of fields(need(dim))) if (part.number === 1) size = part.value;
    dims.push(size);
  }
  return dims;
}

function readOpset(span: Span): { domain: string; version: number } {
  const opset = { domain: '', version: 0 };
  for (const field of fields(span)) {
    if (field.number === 1) opset.domain = text(need(field));
    else if (field.number === 2) opset.version = field.value;
  }
  return opset;
}

function need(field: Field): Span {
  if (field.wire !== 2) throw new RangeError(`field ${field.number} is of the wrong type`);
  return field.span;
}
