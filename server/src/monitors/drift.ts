import type { DriftView } from '../api.ts';
import type { Monitor, MonitorContext, MonitorKind } from './monitor.ts';

export interface DriftMonitor extends Monitor {
  view(): DriftView;
}

export const drift: MonitorKind & { create(context: MonitorContext): DriftMonitor | null } = {
  name: 'drift',
  explanation: 'in the making',
  create: () => null,
};
