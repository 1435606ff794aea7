import type { FindingView } from '../api.ts';
import type { Trouble, VersionReport } from '../trouble.ts';
import type { Changes } from './changes.ts';

/** What of the last lines that a version printed goes into its finding. */
const mostLines = 20;
const mostCharacters = 300;

/** How versions are that need more than Slipway's own processes to answer: each trouble is a finding while it lasts. */
export class Troubles {
  readonly #changes: Changes;
  #reports: VersionReport[] = [];

  constructor(changes: Changes) {
    this.#changes = changes;
  }

  /** A report a version, whatever number of processes attach it: the worst of them, their restarts summed. */
  get reports(): readonly VersionReport[] {
    return this.#reports;
  }

  /** Of all processes; those heard before hold no more. */
  heard(reports: VersionReport[]): void {
    this.#reports = [...Map.groupBy(reports, nameOf).values()].map(merged);
    const { registry } = this.#changes;
    const open = new Map(
      registry
        .findings()
        .filter(({ id, cleared }) => id.endsWith(idEnd) && cleared === null)
        .map((finding) => [finding.id, finding]),
    );
    for (const report of this.#reports) {
      const id = nameOf(report) + idEnd;
      const was = open.get(id) ?? null;
      if (report.trouble) this.#open(id, report, report.trouble, was);
      else if (was) this.#clear(was, `Version ${was.version} has recovered. ${was.message}`);
      open.delete(id);
    }
    for (const finding of open.values())
      this.#clear(finding, `Version ${finding.version} is not attached any more. ${finding.message}`);
  }

  #open(
    id: string,
    { model, version, restarts }: VersionReport,
    trouble: Trouble & { since: number },
    was: FindingView | null,
  ): void {
    const { registry, now } = this.#changes;
    const { level, hint } = trouble;
    const message = `Version ${version}: ${trouble.message.charAt(0).toLowerCase()}${trouble.message.slice(1)}`;
    const evidence = { ...(restarts === null ? {} : { restarts }), ...printed(trouble) };
    const at = now();
    const finding = { level, message, hint, evidence, since: was?.since ?? trouble.since, at, cleared: null };
    registry.saveFinding({ id, model, version, monitor, feature: null, row: 0, ...finding });
    // What goes on is said once, and again where it got worse.
    if (!was || (was.level === 'look' && level === 'act'))
      this.#enter({ model, version }, level, message, [hint, ...(trouble.lines ?? []).slice(-mostLines)]);
    this.#tell(model);
  }

  #clear(finding: FindingView, message: string): void {
    const { registry, now } = this.#changes;
    registry.saveFinding({ ...finding, cleared: now() });
    this.#enter(finding, 'well', message, []);
    this.#tell(finding.model);
  }

  #enter(
    { model, version }: Pick<FindingView, 'model' | 'version'>,
    level: 'well' | FindingView['level'],
    message: string,
    reasons: string[],
  ): void {
    this.#changes.enter({ model, version, kind: 'finding', level, message, by: monitor, reasons });
  }

  #tell(model: string): void {
    this.#changes.onChanged([`models/${model}`, 'models', 'timeline']);
  }
}

const monitor = 'supervisor';
const idEnd = '/trouble';

function nameOf({ model, version }: VersionReport): string {
  return `${model}/${version}`;
}

function printed({ lines = [] }: Trouble): FindingView['evidence'] {
  if (lines.length === 0) return {};
  return {
    printed: lines
      .slice(-mostLines)
      .map((line) => line.slice(0, mostCharacters))
      .join('\n'),
  };
}

function merged(reports: VersionReport[]): VersionReport {
  const troubled = reports.flatMap(({ trouble }) => trouble ?? []);
  const worst = troubled.find(({ level }) => level === 'act') ?? troubled[0] ?? null;
  const restarts = reports.flatMap((one) => one.restarts ?? []);
  return {
    ...reports[0]!,
    trouble: worst && { ...worst, since: Math.min(...troubled.map(({ since }) => since)) },
    restarts: restarts.length === 0 ? null : restarts.reduce((sum, one) => sum + one, 0),
  };
}
