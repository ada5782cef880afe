// The page that `sigma-probe check --html` writes, opened as a person would.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { openBrowser, openPage } from './browser.mjs';
import { built, fixture, publishFile, start, startServer, until } from './programs.mjs';

let browser, server, publisher, folder;
before(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
  folder = mkdtempSync(join(tmpdir(), 'sigma-report-'));
});
after(async () => {
  await browser?.close();
  await publisher?.stop('SIGINT');
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('the report is drawn without an error, and unfolds', async () => {
  const channel = await server.channel('Checked');
  publisher = publishFile(fixture('bframes-48k-stereo'), channel.publishUrl);
  await until('a playlist', 15_000, async () => (await fetch(channel.playback.hls_url)).ok);
  const file = join(folder, 'report.html');
  // No slack at all: something is late by a millisecond, and there is evidence to unfold.
  const args = ['check', channel.playback.hls_url, '--for', '4s', '--slack', '0ms', '--html', file];
  const probe = start(built('sigma-probe'), args);
  assert.ok([0, 1].includes(await probe.ended), probe.log());

  const said = [];
  const page = await openPage(browser, 'about:blank');
  page.on('console', (message) => said.push(message.text()));
  page.on('requestfailed', (request) => said.push(`${request.url()}: ${request.failure()?.errorText}`));
  await page.goto(pathToFileURL(file).href);
  assert.equal(await page.locator('tr').count(), 27, 'a row a rule, and one above');
  assert.equal(await page.locator('svg circle[r="2"]').first().isVisible(), true, 'nothing is plotted');
  assert.equal(await page.locator('svg').count(), 3);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0, `the page is ${wide} px wider than its window`);
  for (const one of await page.locator('details').all()) {
    await one.locator('summary').click();
    assert.equal(await one.locator('pre').first().isVisible(), true);
  }
  assert.deepEqual([...said, ...page.errors], []);
  await page.context().close();
});
