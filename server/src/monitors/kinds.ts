import { drift } from './drift.ts';
import type { MonitorKind } from './monitor.ts';
import { range } from './range.ts';

/** Every monitor there is: a line a kind. */
export const monitorKinds: readonly MonitorKind[] = [range, drift];
