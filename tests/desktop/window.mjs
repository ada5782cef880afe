// The desktop window with a home of its own, as a person has it before them.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built, until } from '../browser/programs.mjs';
import { open } from './webdriver.mjs';
import { askToClose } from './x11.mjs';

// Looking through GStreamer's plugins takes seconds: once a run is enough.
const registry = join(tmpdir(), `sigma-gstreamer-${process.pid}.bin`);
process.once('exit', () => rmSync(registry, { force: true }));

/** Opens it; `settings` are variables of its environment. */
export async function openWindow(settings = {}) {
  const home = mkdtempSync(join(tmpdir(), 'sigma-window-'));
  const folder = (name) => {
    mkdirSync(join(home, name), { mode: 0o700 });
    return join(home, name);
  };
  const env = {
    TAURI_AUTOMATION: 'true',
    TAURI_WEBVIEW_AUTOMATION: 'true',
    LIBGL_ALWAYS_SOFTWARE: '1',
    LANGUAGE: 'en',
    LC_ALL: 'C.UTF-8',
    HOME: home,
    XDG_CONFIG_HOME: folder('config'),
    XDG_CACHE_HOME: folder('cache'),
    XDG_DATA_HOME: folder('share'),
    XDG_RUNTIME_DIR: folder('runtime'),
    SIGMA_DATA_DIR: folder('data'),
    GST_REGISTRY: registry,
    ...settings,
  };
  const running = (name) => processes(home).filter((process) => process.name === name);
  const sweep = () => processes(home).forEach(({ pid }) => kill(pid));
  process.once('exit', sweep);

  let driver;
  try {
    driver = await open(built('sigma-live'), env);
  } catch (error) {
    sweep();
    throw error;
  }
  const { evaluate } = driver;
  const attribute = (id, name) => evaluate(attributeOf, id, name);
  return {
    evaluate,
    attribute,
    running,
    screenshot: async (path) => writeFileSync(path, await driver.screenshot()),
    text: (id) => evaluate((id) => document.querySelector(`[data-testid="${id}"]`)?.innerText ?? null, id),
    click: (id) => until(`${id} to be clickable`, 20_000, () => evaluate(clickOn, id)),
    type: (id, text) => until(`the field ${id}`, 20_000, () => evaluate(put, id, text)),
    attributeIs: (id, name, value, limitMs = 15_000) =>
      until(`${name}="${value}" of ${id}`, limitMs, async () => (await attribute(id, name)) === value),
    /** As the cross in the title bar does. */
    close: () => askToClose('Sigma Live'),
    kill: (name) => running(name).forEach(({ pid }) => kill(pid)),
    /** What it shows and what it printed, for the message of a failure. */
    async report() {
      const shown = await evaluate(() => document.body.innerText).catch((error) => `(not to be read: ${error.message})`);
      return `--- the window shows:\n${shown}\n--- its log:\n${driver.log()}`;
    },
    async remove() {
      sweep();
      await driver.stop();
      process.off('exit', sweep);
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The processes that got this home in their environment: those of one window, orphans too. */
function processes(home) {
  const found = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`HOME=${home}`)) continue;
      found.push({ pid: Number(pid), name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() });
    } catch {
      // It ended while it was looked at.
    }
  }
  return found;
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

// These three run in the page.

function attributeOf(id, name) {
  return document.querySelector(`[data-testid="${id}"]`)?.getAttribute(name) ?? null;
}

function clickOn(id) {
  const element = document.querySelector(`[data-testid="${id}"]`);
  if (!element || element.disabled || element.getClientRects().length === 0) return false;
  element.click();
  return true;
}

function put(id, value) {
  const element = document.querySelector(`[data-testid="${id}"]`);
  if (!element || element.disabled) return false;
  element.value = value;
  element.dispatchEvent(new Event('input', { bubbles: true }));
  element.dispatchEvent(new Event('change', { bubbles: true }));
  return element.value === value;
}
