import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** `npm run dev` and `vite preview` show the console on a running Slipway: SLIPWAY_CONTROL=http://127.0.0.1:7080. */
const control = process.env.SLIPWAY_CONTROL ?? 'http://127.0.0.1:7080';
const proxy = { '/api': { target: control, changeOrigin: true } };

/** Lays a .gz beside every script and style, so that control only hands it over. */
const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle).filter((one) => /\.(js|css)$/.test(one))) {
      const file = join(dir!, name);
      writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
    }
  },
};

export default defineConfig({
  root: new URL('.', import.meta.url).pathname,
  plugins: [react(), compressed],
  // The content security policy allows no data: addresses.
  build: { outDir: 'dist', emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
  server: { proxy },
  preview: { proxy },
});
