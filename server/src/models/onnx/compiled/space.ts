import type { Frame } from '../../../tensor.ts';
import type { ForestModel } from '../../forest/attach.ts';

/** Where steps find what they work on. The frame is the one being answered. */
export interface Space {
  values: Float64Array[];
  widths: number[];
  constants: Float64Array;
  forests: ForestModel[];
  frame: Frame;
  /** The block's first row in the frame. */
  first: number;
}

/** Does its step for so many rows. Allocates nothing that grows with them. */
export type Run = (rows: number) => void;
