import { readFile, stat } from 'node:fs/promises';
import { SlipwayError } from '../../errors.ts';
import type { Signature } from '../../signature.ts';
import type { Kind, Model, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { inMemory, type ProgramBytes } from '../program-file.ts';
import { readServer, type ServerFacts } from './metadata.ts';
import { isGrpc, type RemoteProgram, type RemoteSettings, readSettings } from './settings.ts';

const mostFileBytes = 2 ** 20;

/** A model on another server that speaks the Open Inference Protocol v2 over REST or gRPC. */
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

// The HTTP and gRPC clients are loaded only where a remote version is prepared or served.

async function prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared> {
  if ((await stat(files.path)).size > mostFileBytes) {
    throw new SlipwayError('FILE_BROKEN', `${files.main}: a remote version’s file has at most 1 MiB.`);
  }
  const settings = readSettings(await readFile(files.path, 'utf8'), files.main);
  try {
    const server = await serverOf(settings);
    const asJson = { ...settings, binary: false };
    const binary = !isGrpc(settings.url) && server.extensions.includes('binary_tensor_data');
    const first = await tried({ ...asJson, binary }, hints, files.main).catch((thrown: unknown) => {
      // What stands before a server need not let its extensions through.
      if (binary && mayBeTheWay(thrown)) return tried(asJson, hints, files.main);
      throw thrown;
    });
    const { program, signature, metadata } = first;
    return {
      signature,
      program: Buffer.from(JSON.stringify(program)),
      facts: {
        framework: metadata.platform || 'remote',
        upstream: settings.url,
        upstreamServer: server.name,
        upstreamModel: settings.model,
        upstreamVersion: settings.version ?? `not named (has ${metadata.versions.join(', ') || 'one'})`,
        tensors: isGrpc(settings.url)
          ? 'bytes over gRPC'
          : program.binary
            ? 'bytes over REST'
            : 'JSON over REST',
        timeoutMs: settings.timeoutMs,
        concurrency: settings.concurrency,
      },
    };
  } catch (thrown) {
    throw thrown instanceof SlipwayError && thrown.code.startsWith('UPSTREAM_')
      ? new SlipwayError(thrown.code, `${files.main} (${settings.url}): ${thrown.message}`, thrown.hint)
      : thrown;
  }
}

async function tried(program: RemoteProgram, hints: ModelHints, file: string) {
  const { Upstream } = await import('./upstream.ts');
  const { signatureOf } = await import('./signature.ts');
  const upstream = await Upstream.of(program);
  try {
    return { program, ...(await signatureOf(upstream, program, hints, file)) };
  } finally {
    await upstream.close();
  }
}

/** Whether the upstream is there, but did not take or give what was sent and expected. */
function mayBeTheWay(thrown: unknown): boolean {
  return thrown instanceof SlipwayError && /^UPSTREAM_(REFUSED|FAILED)$/.test(thrown.code);
}

/** What the server says of itself; it need not. */
async function serverOf(settings: RemoteSettings): Promise<ServerFacts> {
  const { Upstream } = await import('./upstream.ts');
  const upstream = await Upstream.of({ ...settings, binary: false });
  try {
    return await upstream.server(readServer).catch((thrown: unknown) => {
      if (mayBeTheWay(thrown)) return readServer(null);
      throw thrown;
    });
  } finally {
    await upstream.close();
  }
}

/** Asks nothing: a lane starts, whether the upstream is there or not. Programs of older versions have no `binary`. */
async function attach(program: ProgramBytes, signature: Signature): Promise<Model> {
  const { RemoteModel } = await import('./remote-model.ts');
  const { Upstream } = await import('./upstream.ts');
  const given = JSON.parse(Buffer.from(await inMemory(program)).toString()) as RemoteSettings &
    Partial<RemoteProgram>;
  return new RemoteModel(await Upstream.of({ ...given, binary: given.binary ?? false }), signature);
}
