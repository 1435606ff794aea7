import { readFile, stat } from 'node:fs/promises';
import { SlipwayError } from '../../errors.ts';
import type { Signature } from '../../signature.ts';
import type { Kind, Model, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { type RemoteSettings, readSettings } from './settings.ts';

const mostFileBytes = 2 ** 20;

/** A model on another server that speaks the Open Inference Protocol v2 over REST. */
export const remote: Kind = {
  name: 'remote',
  title: 'a model on another server (JSON: {"slipway": "remote", …})',
  // What computes there is float32 more often than not.
  tolerance: 1e-5,
  runs: () => 'elsewhere',
  learns: false,
  recognises: (head) => /^\s*\{[^{}]*"slipway"\s*:\s*"remote"/.test(Buffer.from(head).toString('latin1')),
  prepare,
  attach,
};

// The HTTP client is loaded only where a remote version is prepared or served.

async function prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared> {
  if ((await stat(files.path)).size > mostFileBytes) {
    throw new SlipwayError('FILE_BROKEN', `${files.main}: a remote version’s file has at most 1 MiB.`);
  }
  const settings = readSettings(await readFile(files.path, 'utf8'), files.main);
  const { Upstream } = await import('./upstream.ts');
  const { signatureOf } = await import('./signature.ts');
  const upstream = new Upstream(settings);
  try {
    const { signature, metadata } = await signatureOf(upstream, settings, hints, files.main);
    return {
      signature,
      program: Buffer.from(JSON.stringify(settings)),
      facts: {
        framework: metadata.platform || 'remote',
        upstream: settings.url,
        upstreamModel: settings.model,
        upstreamVersion: settings.version ?? `not named (has ${metadata.versions.join(', ') || 'one'})`,
        timeoutMs: settings.timeoutMs,
        concurrency: settings.concurrency,
      },
    };
  } catch (thrown) {
    throw thrown instanceof SlipwayError && thrown.code.startsWith('UPSTREAM_')
      ? new SlipwayError(thrown.code, `${files.main} (${settings.url}): ${thrown.message}`, thrown.hint)
      : thrown;
  } finally {
    await upstream.close();
  }
}

/** Asks nothing: a lane starts, whether the upstream is there or not. */
async function attach(program: Uint8Array, signature: Signature): Promise<Model> {
  const { RemoteModel } = await import('./remote-model.ts');
  return new RemoteModel(JSON.parse(Buffer.from(program).toString()) as RemoteSettings, signature);
}
