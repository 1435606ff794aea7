import type { ProtocolName } from './protocols.ts';

/** One comparison: a model, a protocol, how many rows a request and how many requests at once. */
export interface Scenario {
  name: string;
  workload: 'logistic' | 'forest' | 'runtime';
  protocol: ProtocolName;
  rows: number;
  connections: number;
  /** What the floor is asked by, where it does not speak the protocol. */
  beside?: ProtocolName;
}

const one = { rows: 1, connections: 16 };
const many = { rows: 32, connections: 16 };

export const scenarios: Scenario[] = [
  { name: 'predict-logistic', workload: 'logistic', protocol: 'predict', ...one },
  { name: 'oip-logistic', workload: 'logistic', protocol: 'oip', ...one },
  { name: 'predict-forest', workload: 'forest', protocol: 'predict', ...one },
  { name: 'oip-forest', workload: 'forest', protocol: 'oip', ...one },
  { name: 'oip-runtime', workload: 'runtime', protocol: 'oip', ...one },
  { name: 'oip-logistic-32', workload: 'logistic', protocol: 'oip', ...many },
  { name: 'oip-forest-32', workload: 'forest', protocol: 'oip', ...many },
  { name: 'binary-logistic-32', workload: 'logistic', protocol: 'binary', ...many },
  { name: 'binary-forest-32', workload: 'forest', protocol: 'binary', ...many },
  { name: 'grpc-logistic', workload: 'logistic', protocol: 'grpc', ...one, beside: 'oip' },
  { name: 'one-connection', workload: 'logistic', protocol: 'oip', rows: 1, connections: 1 },
];
