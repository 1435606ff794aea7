import type { GivenTensor } from '../../oip/tensors.ts';
import type { TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';

/** A request that is ready to be sent, once or twice. */
export interface Message {
  bytes: Uint8Array;
  /** How many of them are JSON, where tensors follow as bytes; null: all, or none. */
  jsonBytes: number | null;
}

/** What goes with one try. */
export interface Call {
  headers: Record<string, string>;
  /** Aborted when the time is up or nobody waits any more. */
  signal: AbortSignal;
  /** Until the time is up, ms: the upstream is told. */
  leftMs: number;
  /** Bound on the answer. */
  mostBytes: number;
}

/** No answer is longer, bytes. */
export const mostAnswerBytes = 17 * 2 ** 20;

/**
 * One way to speak the Open Inference Protocol v2 with an upstream. Rejects with a Failure; whatever else is thrown says
 * what in the answer is not as the protocol has it.
 */
export interface Protocol {
  /** What the server says of itself, as the protocol names it. */
  server(call: Call): Promise<unknown>;
  /** The model's metadata, as the protocol names it. */
  metadata(call: Call): Promise<unknown>;
  /** A frame's rows as a request; `outputs`: which are wanted (null: all). Throws FEATURE_MISTYPED. */
  write(inputs: TensorSpec[], frame: Frame, outputs: string[] | null): Message;
  infer(message: Message, call: Call): Promise<GivenTensor[]>;
  /** What is still waited for is cut off. */
  close(): void | Promise<void>;
}
