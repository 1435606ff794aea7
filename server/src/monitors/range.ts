import type { Monitor, MonitorContext, MonitorKind } from './monitor.ts';

/** Counts since the version's first live prediction. */
export interface RangeFeature {
  feature: string;
  rows: number;
  missing: number;
  outOfRange: number;
}

export interface RangeMonitor extends Monitor {
  view(): RangeFeature[];
}

export const range: MonitorKind & { create(context: MonitorContext): RangeMonitor | null } = {
  name: 'range',
  explanation: 'in the making',
  create: () => null,
};
