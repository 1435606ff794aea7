import type { VersionReport } from '../trouble.ts';

/**
 * What the processes that attach versions told last. What one that ended told holds until its successor tells otherwise:
 * a version is not well because nobody is there to say how it is.
 */
export class Reports {
  readonly #tell: (reports: VersionReport[]) => void;
  readonly #told = new Map<string, VersionReport[]>();

  /** `tell`: called with all of them, whenever they may have changed. */
  constructor(tell: (reports: VersionReport[]) => void) {
    this.#tell = tell;
  }

  heard(process: string, reports: VersionReport[]): void {
    const isNews = reports.length > 0 || (this.#told.get(process)?.length ?? 0) > 0;
    this.#told.set(process, reports);
    if (isNews) this.tell();
  }

  /** Nobody takes its place. */
  forget(process: string): void {
    this.heard(process, []);
    this.#told.delete(process);
  }

  tell(): void {
    this.#tell([...this.#told.values()].flat());
  }
}
