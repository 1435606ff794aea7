import { join } from 'node:path';
import { errorTable } from '../../src/errors.ts';
import { idText } from '../../src/journal/id.ts';
import { Reader } from '../../src/journal/reader.ts';
import { electricity, inRepository, Slipway } from './harness.ts';

export interface KillReport {
  kills: number;
  /** Answered predictions and acknowledged labels, as the clients saw them. */
  answered: number;
  acknowledged: number;
  /** Of those, what the journal does not hold. */
  lostPredictions: number;
  lostLabels: number;
  /** Requests that failed: at most those in flight at a kill. */
  failed: number;
  clients: number;
}

/**
 * Kills lanes (SIGKILL) under load, again and again, and then looks in the journal for everything that a
 * client was told. `random` in [0, 1) makes the pauses between kills.
 */
export async function killLanes(options: {
  kills: number;
  lanes: number;
  clients: number;
  random: () => number;
}): Promise<KillReport> {
  const { kills, lanes, clients, random } = options;
  const slipway = await Slipway.start({ lanes });
  const rows = electricity(9062, 10062);
  const answered = new Set<string>();
  const acknowledged = new Set<string>();
  let failed = 0;
  let going = true;
  try {
    const { status, body } = await slipway.deploy(
      'electricity',
      inRepository('examples/electricity/model.txt'),
    );
    if (status !== 201) throw new Error(`The deploy failed: ${JSON.stringify(body)}`);
    const client = async (number: number): Promise<void> => {
      for (let i = number; going; i += clients) {
        const { features, label } = rows[i % rows.length]!;
        try {
          const prediction = await slipway.predict('electricity', { features });
          // On a machine that others keep busy a lane may say at once that it has too much: that is no failure.
          if (prediction.status === errorTable.OVERLOADED.status) continue;
          if (prediction.status !== 200) throw new Error(`status ${prediction.status}`);
          answered.add(prediction.body.id);
          const { status: labelStatus } = await slipway.label({ id: prediction.body.id, label }, false);
          if (labelStatus !== 202) throw new Error(`status ${labelStatus}`);
          acknowledged.add(prediction.body.id);
        } catch {
          failed++;
        }
      }
    };
    const load = Array.from({ length: clients }, (_, number) => client(number));
    for (let kill = 0; kill < kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 20 + random() * 80));
      await slipway.kill(`lane-${1 + (kill % lanes)}`);
    }
    going = false;
    await Promise.all(load);
    await slipway.stop();

    const reader = new Reader(join(slipway.folder, 'journal'), {});
    const predictions = new Set<string>();
    const labels = new Set<string>();
    for (;;) {
      const events = reader.read(4 * 1024 * 1024);
      if (events.length === 0) break;
      for (const { event } of events) {
        if (event.type === 'prediction') predictions.add(idText(event.id));
        else if (event.prediction) labels.add(idText(event.prediction.id));
      }
    }
    return {
      kills,
      answered: answered.size,
      acknowledged: acknowledged.size,
      lostPredictions: [...answered].filter((id) => !predictions.has(id)).length,
      lostLabels: [...acknowledged].filter((id) => !labels.has(id)).length,
      failed,
      clients,
    };
  } finally {
    going = false;
    await slipway.end();
  }
}
