// Draws assets/icon.svg into the sizes that the desktop packages and the pages want. Needs Chromium.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const assets = fileURLToPath(new URL('../../assets/', import.meta.url));
const svg = readFileSync(`${assets}icon.svg`, 'utf8');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});

async function draw(size) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(
    `<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`,
  );
  const png = await page.screenshot({ omitBackground: true });
  await page.close();
  return png;
}

/** An .ico that holds one PNG (Windows Vista and later). */
function ico(png) {
  const head = Buffer.alloc(22);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(1, 4);
  head.writeUInt16LE(1, 10); // planes
  head.writeUInt16LE(32, 12); // bits a pixel; width and height 0 mean 256
  head.writeUInt32LE(png.length, 14);
  head.writeUInt32LE(head.length, 18);
  return Buffer.concat([head, png]);
}

/** An .icns of PNG entries. */
function icns(entries) {
  const chunk = (name, body) => {
    const head = Buffer.alloc(8);
    head.write(name, 'latin1');
    head.writeUInt32BE(body.length + 8, 4);
    return Buffer.concat([head, body]);
  };
  return chunk('icns', Buffer.concat(entries.map(([name, png]) => chunk(name, png))));
}

const png = {};
for (const size of [32, 128, 256, 512]) png[size] = await draw(size);
await browser.close();

writeFileSync(`${assets}32x32.png`, png[32]);
writeFileSync(`${assets}128x128.png`, png[128]);
writeFileSync(`${assets}128x128@2x.png`, png[256]);
writeFileSync(`${assets}icon.png`, png[512]);
writeFileSync(`${assets}icon.ico`, ico(png[256]));
writeFileSync(
  `${assets}icon.icns`,
  icns([
    ['ic07', png[128]],
    ['ic08', png[256]],
    ['ic09', png[512]],
  ]),
);
copyFileSync(`${assets}icon.svg`, fileURLToPath(new URL('../public/icon.svg', import.meta.url)));
console.log(`icons drawn into ${assets}`);
