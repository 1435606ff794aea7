// Makes the publishable package: JavaScript, bundled, the console's built files, the example, licence and README.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
// The workspace's bundler, which the console brings.
import { build } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));

/** What the package is started with, and the processes that it starts. */
const entries = [
  'cli/main',
  ...['control', 'loops', 'lane', 'lane-thread', 'candidate', 'scorer'].map((one) => `processes/${one}`),
];
/** They hold native code, find files of their own, or are one for all who use them: npm installs them. */
const installed = [
  '@duckdb/node-api',
  '@fastify/static',
  '@grpc/grpc-js',
  '@opentelemetry/',
  'onnxruntime-node',
  'pino',
  'protobufjs',
  'undici',
];

rmSync(`${here}dist`, { recursive: true, force: true });
if (!existsSync(`${root}console/dist/index.html`)) {
  throw new Error('The console is not built: run `npm run build` in the root, which builds it first.');
}
execFileSync(process.execPath, [tsc, '--project', `${here}tsconfig.build.json`, '--noEmit'], {
  stdio: 'inherit',
});
const packages = new Set();
// Thousands of small files take a process most of its start: what can be in one is.
await build({
  configFile: false,
  root: here,
  logLevel: 'warn',
  plugins: [{ name: 'own', transform: inItsPlace, generateBundle: collect }],
  ssr: { noExternal: true, external: [] },
  build: {
    ssr: true,
    target: 'esnext',
    outDir: 'dist',
    minify: false,
    rolldownOptions: {
      input: Object.fromEntries(entries.map((one) => [one, `${here}src/${one}.ts`])),
      external: (id) =>
        id.startsWith('node:') || installed.some((name) => id === name || id.startsWith(name)),
      // In folders of one depth: see below.
      output: { entryFileNames: '[name].js', chunkFileNames: 'parts/[name]-[hash].js' },
    },
  },
});

/** A source file that looks for others beside it looks from where it would lie by itself, wherever its code went. */
function inItsPlace(code, id) {
  const place = relative(`${here}src`, id);
  if (place.startsWith('..') || !code.includes('import.meta.url')) return null;
  const from = `new URL('../${place.replace(/\.ts$/, '.js')}', import.meta.url).href`;
  return { code: code.replaceAll('import.meta.url', from), map: null };
}

function collect(_options, bundle) {
  for (const chunk of Object.values(bundle))
    for (const id of Object.keys(chunk.modules ?? {})) {
      const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.replace(/^\0/, ''));
      if (found) packages.add(found[1]);
    }
}

/** Whose code is in the bundle, on what terms; equal terms once. */
function notices() {
  const named = new Map();
  for (const folder of [...packages].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((one) => /^(licen[cs]e|copying)/i.test(one));
    const terms = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${license}`;
    named.set(terms, [...(named.get(terms) ?? []), `${name} ${version}`]);
  }
  return [...named].map(([terms, names]) => `${names.join('\n')}\n\n${terms}\n`);
}
writeFileSync(`${here}dist/NOTICES`, notices().join(`\n${'-'.repeat(80)}\n\n`));

// What Python versions are run by.
cpSync(`${here}src/models/python/runner.py`, `${here}dist/models/python/runner.py`);
cpSync(`${root}console/dist`, `${here}dist/console`, { recursive: true });
cpSync(`${root}examples`, `${here}dist/examples`, { recursive: true });
for (const file of ['LICENSE', 'README.md']) cpSync(`${root}${file}`, `${here}${file}`);
