import { svelte } from '@sveltejs/vite-plugin-svelte';
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { mockServer } from './mock/server.ts';

// In development the UI is served by Vite and the rest comes from a server at SIGMA_SERVER_URL, or from mock/.
const server = process.env['SIGMA_SERVER_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), ...(mode === 'mock' ? [mockServer()] : [])],
  resolve: mode === 'test' ? { conditions: ['browser'] } : {},
  build: {
    target: 'es2022',
    // The watch page and the console are two entries: a viewer never downloads the console.
    rollupOptions: {
      input: { console: resolve('index.html'), watch: resolve('watch.html') },
    },
    modulePreload: { polyfill: false },
    // hls.js is the greater part of the shared chunk.
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: '127.0.0.1',
    proxy: mode === 'mock' ? {} : Object.fromEntries(['/api', '/live', '/vod'].map((path) => [path, server])),
  },
  test: { environment: 'jsdom', include: ['src/**/*.test.ts'] },
}));
