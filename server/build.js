// Makes the publishable package: compiled JavaScript, the console's built files, the example, licence and README.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));

rmSync(`${here}dist`, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '--project', `${here}tsconfig.build.json`], { stdio: 'inherit' });
if (!existsSync(`${root}console/dist/index.html`)) {
  throw new Error('The console is not built: run `npm run build` in the root, which builds it first.');
}
// What Python versions are run by.
cpSync(`${here}src/models/python/runner.py`, `${here}dist/models/python/runner.py`);
cpSync(`${root}console/dist`, `${here}dist/console`, { recursive: true });
cpSync(`${root}examples`, `${here}dist/examples`, { recursive: true });
for (const file of ['LICENSE', 'README.md']) cpSync(`${root}${file}`, `${here}${file}`);
