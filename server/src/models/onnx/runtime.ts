import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

/** An ONNX model that gives its one number back, as protobuf bytes. */
const smallest = 'CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAN';

/** Makes a session and gives it back. */
const inThread = `
const { workerData } = require('node:worker_threads');
const { InferenceSession } = require(workerData.path);
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
InferenceSession.create(Buffer.from(workerData.model, 'base64'), options).then((session) => session.release());
`;

let ready: Promise<void> | null = null;

/**
 * Has another thread load onnxruntime and make the first session of this process, which registers every operator there
 * is: 33 ms of the event loop, where it happens in it; 4 ms for a session that comes after. Once a process.
 */
export function readyRuntime(): Promise<void> {
  ready ??= begin();
  return ready;
}

/** It was loaded in this thread: there is nothing left to win. */
export function runtimeIsLoaded(): void {
  ready ??= Promise.resolve();
}

async function begin(): Promise<void> {
  const path = createRequire(import.meta.url).resolve('onnxruntime-node');
  await new Promise<void>((resolve) => {
    const worker = new Worker(inThread, { eval: true, workerData: { path, model: smallest } });
    // What is wrong with the library is said where a version needs it.
    worker.on('error', () => resolve());
    worker.on('exit', () => resolve());
  });
  // Half of its JavaScript, in a turn of its own.
  createRequire(path)('onnxruntime-common');
  await setImmediate();
}
