import type { VersionView } from '../api.ts';
import type { ServingView } from '../api-serving.ts';
import { byteText } from '../byte-text.ts';
import { paint, table } from './output.ts';

/** What is known of a version whether or not it was deployed. */
export type Described = Pick<
  VersionView,
  | 'kind'
  | 'task'
  | 'features'
  | 'inputs'
  | 'outputs'
  | 'classes'
  | 'missingAllowed'
  | 'facts'
  | 'gates'
  | 'importance'
  | 'microseconds'
  | 'batchMicroseconds'
  | 'memoryBytes'
  | 'attachedBytes'
  | 'placement'
> & {
  /** Only of a version that is deployed. */
  serving?: ServingView;
  refusal?: string | null;
  state?: VersionView['state'];
  provenance: Pick<VersionView['provenance'], 'file' | 'digest' | 'bytes' | 'files' | 'main'>;
};

/** No line is longer, however wide the terminal: what is read is not searched for at its far end. */
const mostColumns = 80;
const mostFeatures = 30;
const barWidth = 16;
const quarantinedText =
  'Its process hung or crashed twice: it is served no more. Deploy a repaired file, or this one again once the cause is away.';

/** A version as a person reads it, in 80 columns, or as many as the terminal has. */
export function versionPage(
  version: Described,
  columns = Math.min(mostColumns, process.stdout.columns ?? mostColumns),
): string {
  const { kind, task, facts, gates } = version;
  const pairs = (all: [title: string, value: string | null][]): string => pairsIn(all, columns);
  const parts = [
    `${paint('bold', kind)}, ${task}\n`,
    version.refusal ? `${mark(false)} ${wrapped(version.refusal, 2, columns)}\n` : '',
    version.state === 'quarantined' ? `${mark(false)} ${wrapped(quarantinedText, 2, columns)}\n` : '',
    pairs([
      ['state', version.state ?? null],
      ['file', fileText(version)],
      ['digest', version.provenance.digest],
      ['made with', madeWith(facts)],
      ['memory', memoryText(version)],
      ['single row', `${micro(version.microseconds)} µs a row`],
      [
        'in batches',
        version.batchMicroseconds === null ? null : `${micro(version.batchMicroseconds)} µs a row`,
      ],
      ['inputs', version.inputs.map(tensorText).join(', ')],
      ['outputs', version.outputs.map(tensorText).join(', ')],
      ['classes', version.classes?.join(', ') ?? null],
      ['missing', version.missingAllowed ? 'null is taken, by a rule of the model’s own' : 'null is refused'],
    ]),
    pairs(
      Object.entries(facts)
        .filter(([name]) => !saidElsewhere.includes(name))
        .map(([name, value]) => [spaced(name), factText(value)]),
    ),
    version.serving ? pairs(servingLines(version.serving)) : '',
    features(version, columns),
    gates
      .map(({ name, passed, detail }) => `${mark(passed)} ${wrapped(`${name}: ${detail}`, 2, columns)}`)
      .join('\n'),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

/** How a version is served, as titles and what is to be said of them. */
export function servingLines({
  batching,
  automatic,
  cacheBytes,
  timeoutMs,
}: ServingView): [string, string][] {
  const lines: [string, string][] = [
    ['batching', `${batching ? 'on' : 'off'}${automatic ? ' (automatic)' : ''}`],
  ];
  if (batching) {
    const { maxSize, preferredSizes, maxDelayMs, priorityLevels, defaultPriority, queueTimeoutMs } = batching;
    const preferred = preferredSizes.length > 0 ? `, preferably ${preferredSizes.join(', ')}` : '';
    lines.push(
      ['batch', `up to ${maxSize} rows${preferred}`],
      ['delay', maxDelayMs === 0 ? 'none: what waits anyway is merged' : `up to ${maxDelayMs} ms`],
      ['priorities', `${priorityLevels}, usually ${defaultPriority}; 1 goes first`],
      ['queue timeout', queueTimeoutMs === null ? 'none' : `${queueTimeoutMs} ms`],
    );
  }
  lines.push(
    ['cache', cacheBytes === 0 ? 'off' : `up to ${byteText(cacheBytes)} of answers in each lane`],
    ['timeout', timeoutMs === null ? 'none' : `${timeoutMs} ms`],
  );
  return lines;
}

/** Facts that other lines say. */
const saidElsewhere = ['framework', 'frameworkVersion', 'features'];

function madeWith({ framework, frameworkVersion }: Described['facts']): string {
  return [framework, frameworkVersion].filter((one) => one !== undefined).join(' ');
}

function mark(passed: boolean): string {
  return passed ? paint('green', '✓') : paint('red', '✗');
}

/** The first one brings its kind's runtime with it. */
function memoryText({ memoryBytes, attachedBytes, placement }: Described): string | null {
  if (memoryBytes === null) return null;
  const first = `${byteText(memoryBytes)} as the first of its kind`;
  if (attachedBytes === null) return first;
  const where =
    placement === 'scorer' ? 'besides its own process, by --scorer-memory' : 'in a lane, by --model-memory';
  return `${byteText(attachedBytes)} ${where}; ${first}`;
}

function fileText({ provenance: { file, bytes, files = 1, main } }: Described): string {
  const inside =
    main !== undefined && main !== file ? `: ${main}${files > 1 ? ` of ${files} files` : ''}` : '';
  return `${file}${inside}, ${byteText(bytes)}`;
}

function tensorText({ name, datatype, shape }: VersionView['inputs'][number]): string {
  // Kept on one line.
  return `${name} ${datatype} [${shape.map((one) => (one === -1 ? 'row' : one)).join(', ')}]`.replaceAll(
    ' ',
    '\u00a0',
  );
}

function factText(value: string | number | boolean): string {
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}

/** By importance where there is one, the last measure first to be asked; a coefficient counts by its size. */
function features({ features: all, importance }: Described, columns: number): string {
  const measure = importance.at(-1);
  const sizes = measure?.values.map(Math.abs) ?? [];
  const total = sizes.reduce((sum, one) => sum + one, 0);
  const order = all.map((_, i) => i);
  if (measure) order.sort((a, b) => sizes[b]! - sizes[a]!);
  const rows = order.slice(0, mostFeatures).map((i) => {
    const { name, type, categories, seen } = all[i]!;
    const share = total > 0 ? sizes[i]! / total : null;
    return [
      shortened(name, 28),
      type,
      ...importance.map(({ values }) => figure(values[i]!)),
      ...(share === null ? [] : ['█'.repeat(Math.round(share * barWidth)).padEnd(1)]),
      shortened(
        categories?.join(', ') ?? (seen ? `seen: ${seen.join(', ')}` : ''),
        importance.length > 0 ? 18 : 30,
      ),
    ];
  });
  const bar = measure && total > 0 ? [`share of ${measure.measure}`] : [];
  const header = ['feature', 'type', ...importance.map((one) => one.measure), ...bar, ''];
  const more = all.length - rows.length;
  return `${table(header, rows, columns)}\n${more > 0 ? paint('dim', `and ${more} more: --json lists all\n`) : ''}`;
}

function pairsIn(all: [title: string, value: string | null][], columns: number): string {
  const said = all.filter(([, value]) => value !== null && value !== '');
  const width = 2 + Math.max(0, ...said.map(([title]) => title.length));
  return said
    .map(([title, value]) => `${paint('dim', title.padEnd(width))}${wrapped(value ?? '', width, columns)}\n`)
    .join('');
}

/** Where the page ends, what follows a line's end indented. Words that are longer than a line stay whole. */
function wrapped(text: string, indent: number, columns: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`).replaceAll('\u00a0', ' ');
}

/** "maxDepth" as "max depth". */
function spaced(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Four digits of what is no count. */
function figure(value: number): string {
  return Number.isInteger(value) || Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}

function micro(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}
