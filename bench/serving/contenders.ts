import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SlipwayProcess } from '../slipway.ts';
import { forest, logistic, runtime, type Workload } from './workloads.ts';

/** Slipway and the floor, started on the same workloads; Slipway has none of their models yet. */
export interface Contenders<More extends string> {
  workloads: { [name in 'logistic' | 'forest' | 'runtime' | More]: Workload };
  /** Theirs, until they stop. */
  folder: string;
  floor: ChildProcess;
  floorPort: number;
  slipway: SlipwayProcess;
  stop(): Promise<void>;
}

/** `more`: workloads besides the three, whose files lie in the folder. */
export async function startContenders<More extends string = never>(
  more: (folder: string) => { [name in More]: Workload } = () => ({}) as { [name in More]: Workload },
): Promise<Contenders<More>> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const workloads = {
    logistic: logistic(),
    forest: forest(folder, 'forest', 200),
    runtime: await runtime(),
    ...more(folder),
  };
  const described = join(folder, 'models.json');
  writeFileSync(
    described,
    JSON.stringify(
      Object.fromEntries(
        Object.values<Workload>(workloads).map(({ name, onnx, features }) => [
          name,
          { file: onnx, features },
        ]),
      ),
    ),
  );
  const floor = fork(new URL('../floor.ts', import.meta.url), [described]);
  const [{ port: floorPort }] = (await once(floor, 'message')) as [{ port: number }];
  const slipway = await SlipwayProcess.start();
  const stop = async (): Promise<void> => {
    floor.kill();
    await slipway.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { workloads, folder, floor, floorPort, slipway, stop };
}
