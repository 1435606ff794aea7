/** Why a process ended that a version answers in: silent for longer than a call may take, a fault in its code, too much memory, or another's hand. */
export interface ProcessLoss {
  why: 'hang' | 'crash' | 'memory' | 'ended';
  /** "12 s", "SIGSEGV", "4 GB", "SIGKILL" */
  detail: string;
}

/** Faults in native code, as the kernel calls them. */
const faults: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT', 'SIGTRAP']);

/** Of a process that Slipway did not end. */
export function lossOf(signal: string | null, code: number | null): ProcessLoss {
  const isFault = signal === null ? code !== 0 : faults.has(signal);
  return { why: isFault ? 'crash' : 'ended', detail: signal ?? `code ${code}` };
}

const said: Record<ProcessLoss['why'], (detail: string) => string> = {
  hang: (time) => `did not answer for ${time} and was killed`,
  crash: (how) => `crashed (${how})`,
  memory: (bytes) => `needed more than ${bytes} and was killed`,
  ended: (how) => `was ended from outside (${how})`,
};

/** What happened to it, as the end of a sentence. */
export function lossText({ why, detail }: ProcessLoss): string {
  return said[why](detail);
}
