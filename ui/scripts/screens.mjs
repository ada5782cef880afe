// Takes pictures of every screen against the mock: `node scripts/screens.mjs FOLDER`. For people who design.
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const folder = process.argv[2] ?? 'screens';
mkdirSync(folder, { recursive: true });
const server = await createServer({ mode: 'mock', server: { port: 0, strictPort: false } });
await server.listen();
const base = server.resolvedUrls.local[0].replace(/\/$/, '');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
});

const screens = [
  ['sign-in', '/', async () => {}],
  ['sign-in-refused', '/#token=wrong', async (page) => page.getByTestId('trouble').waitFor()],
  ['empty', '/#token=empty', async (page) => page.getByRole('heading', { level: 1 }).waitFor()],
  ['console', '/#token=mock', async (page) => page.getByTestId('recording').first().waitFor()],
  [
    'new-channel',
    '/#token=mock',
    async (page) => {
      await page.getByTestId('new-channel').click();
      await page.getByTestId('dialog').waitFor();
    },
  ],
  [
    'stop',
    '/#token=mock',
    async (page) => {
      await page.getByTestId('stop-channel').click();
      await page.getByTestId('dialog').waitFor();
    },
  ],
  ...['starting', 'unknown', 'broken', 'offline'].map((state) => [
    `watch-${state}`,
    `/watch/pb_${state}`,
    async (page) => page.locator('[data-testid=player]:not([data-state=loading])').waitFor(),
  ]),
];
const looks = [
  ['en-dark', { locale: 'en', colorScheme: 'dark', viewport: { width: 1280, height: 820 } }],
  ['vi-light', { locale: 'vi', colorScheme: 'light', viewport: { width: 1280, height: 820 } }],
  ['vi-dark-360', { locale: 'vi', colorScheme: 'dark', viewport: { width: 360, height: 740 } }],
];
for (const [look, options] of looks) {
  for (const [name, path, ready] of screens) {
    const page = await browser.newPage(options);
    page.on('pageerror', (error) => console.log(`${look} ${name}: ${error}`));
    await page.goto(base + path);
    await ready(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) console.log(`${look} ${name}: wider than the window`);
    await page.screenshot({ path: `${folder}/${name}-${look}.png` });
    await page.close();
  }
}
await browser.close();
await server.close();
console.log(`pictures in ${folder}`);
