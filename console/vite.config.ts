import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `npm run dev` and `vite preview` show the console on a running Slipway: SLIPWAY_CONTROL=http://127.0.0.1:7080. */
const control = process.env.SLIPWAY_CONTROL ?? 'http://127.0.0.1:7080';
const proxy = { '/api': { target: control, changeOrigin: true } };

export default defineConfig({
  root: new URL('.', import.meta.url).pathname,
  plugins: [react()],
  // The content security policy allows no data: addresses.
  build: { outDir: 'dist', emptyOutDir: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
  server: { proxy },
  preview: { proxy },
});
