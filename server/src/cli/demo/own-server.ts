import { spawn } from 'node:child_process';
import { SlipwayError } from '../../errors.ts';

/** The demo's Slipway: `slipway serve` in a process of its own, as any user starts it. */
export interface OwnServer {
  dataPlane: string;
  control: string;
  /** Rejects when it ends without having been asked to. */
  lost: Promise<never>;
  /** Stops it gracefully; a second call at once. Resolves when it has ended. */
  stop(): Promise<void>;
}

/** Starts it with these words behind `serve --json`. Throws what it says when it cannot start. */
export async function startOwnServer(words: string[]): Promise<OwnServer> {
  const child = spawn(process.execPath, [process.argv[1]!, 'serve', '--json', ...words], {
    // The channel carries nothing: when the demo is gone, however it ended, the server sees it close and stops.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Ctrl-C is for the demo, which stops the server when it is done with it.
    detached: true,
  });
  let isAsked = false;
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const stop = async (): Promise<void> => {
    isAsked = true;
    child.kill('SIGTERM');
    await ended;
  };
  const lost = ended.then((code): Promise<never> => {
    if (isAsked) return new Promise(() => {});
    throw new SlipwayError('INTERNAL', `The demo’s server ended by itself (code ${code}).`);
  });
  // Whoever waits for something else hears of it there.
  lost.catch(() => {});
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const addresses = await new Promise<{ dataPlane: string; control: string }>((resolve, reject) => {
    child.stdout!.on('data', () => {
      const said = parse(text);
      if (said && 'control' in said) resolve(said as { dataPlane: string; control: string });
    });
    child.once('close', (code) => {
      const error = (parse(text) as { error?: { code: string; message: string; hint: string } } | null)
        ?.error;
      reject(error ?? new SlipwayError('INTERNAL', `The demo’s server ended at its start (code ${code}).`));
    });
  });
  return { ...addresses, lost, stop };
}

/** One JSON document, once all of it has come. */
function parse(text: string): object | null {
  try {
    return JSON.parse(text) as object;
  } catch {
    return null;
  }
}
