// The watch page of a signed channel: a token lets in, and without a good one the page says so.
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './browser.mjs';
import { fixture, publishFile, startServer, until } from './programs.mjs';

let browser, server, channel, publisher, key;
before(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
  channel = await server.channel('Members');
  await server.api('PATCH', `/channels/${channel.id}`, { playback: { policy: 'signed' } });
  key = await server.api('POST', '/signing-keys', { name: 'members site' });
  publisher = publishFile(fixture('bframes-48k-stereo'), channel.publishUrl);
});
after(async () => {
  await browser?.close();
  await publisher?.stop('SIGINT');
  await server?.stop();
});

/** A token for that playback id, good for so many seconds. */
function token(sub, seconds) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'ES256', kid: key.id })}.${part({ sub, exp: Math.floor(Date.now() / 1000) + seconds })}`;
  const signature = sign('sha256', Buffer.from(text), { key: key.private_key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

const shown = (page) => page.locator('[data-state]').first();

test('a token lets the viewer in', async () => {
  const page = await openPage(browser, `${channel.watchUrl}?token=${token(channel.playback.id, 300)}`);
  await until('a moving picture', 20_000, async () => {
    const at = await page.evaluate(() => document.querySelector('video')?.currentTime);
    return (await shown(page).getAttribute('data-state')) === 'live' && at > 1;
  }).catch(async (error) => {
    throw new Error(`${error.message}; the page is ${await shown(page).getAttribute('data-state')}\n${server.log()}`);
  });
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

for (const [why, query, says] of [
  ['no token', () => '', 'This link does not let you in'],
  ['another channel’s token', () => `?token=${token('pb_other', 300)}`, 'This link does not let you in'],
  ['a forged token', () => `?token=${token(channel.playback.id, 300).slice(0, -8)}AAAAAAAA`, 'This link does not let you in'],
  ['an old token', () => `?token=${token(channel.playback.id, -60)}`, 'This link has expired'],
]) {
  test(`${why}: the page says so`, async () => {
    const page = await openPage(browser, `${channel.watchUrl}${query()}`, { locale: 'en-GB' });
    await until(`“${says}”`, 10_000, async () => (await shown(page).innerText()).includes(says)).catch(async (error) => {
      throw new Error(`${error.message}; the page says: ${await shown(page).innerText()}`);
    });
    assert.equal(await page.evaluate(() => document.querySelector('video')?.currentTime ?? 0), 0);
    assert.deepEqual(page.errors, []);
    await page.context().close();
  });
}
