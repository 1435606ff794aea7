/** How onnxruntime runs a version's graph: the user's own choice, kept in its program. */
export interface OnnxSettings {
  /** Threads that one request may use. Lanes are the parallelism already: more pay for great graphs only. */
  threads: number;
  /** What onnxruntime may rewrite of the graph: less, where its rewriting changes answers or takes long. */
  optimization: (typeof optimizations)[number];
}

/** In this order in programs: append only. */
export const optimizations = ['disabled', 'basic', 'extended', 'all'] as const;

/** One thread a session: callers' requests must not wait for each other's cores. */
export const defaultSettings: OnnxSettings = { threads: 1, optimization: 'all' };

const magic = 0x53774c53; // "SLwS": no ONNX file begins so.
const headerBytes = 8;

/** A program of an ONNX file: as it is with the defaults, else after u32 magic, u16 threads, u16 optimization. */
export function withSettings(file: Uint8Array, { threads, optimization }: OnnxSettings): Uint8Array {
  if (threads === defaultSettings.threads && optimization === defaultSettings.optimization) return file;
  const program = new Uint8Array(headerBytes + file.length);
  const view = new DataView(program.buffer);
  view.setUint32(0, magic, true);
  view.setUint16(4, threads, true);
  view.setUint16(6, optimizations.indexOf(optimization), true);
  program.set(file, headerBytes);
  return program;
}

/** The file is a view into the program. */
export function splitSettings(program: Uint8Array): { file: Uint8Array; settings: OnnxSettings } {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  if (program.length < headerBytes || view.getUint32(0, true) !== magic)
    return { file: program, settings: defaultSettings };
  const settings = {
    threads: view.getUint16(4, true),
    optimization: optimizations[view.getUint16(6, true)]!,
  };
  return { file: program.subarray(headerBytes), settings };
}
