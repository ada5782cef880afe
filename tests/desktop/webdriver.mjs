// A WebDriver client: the few commands that these tests give (W3C WebDriver, level 2).
import { createServer } from 'node:net';
import { start, until } from '../browser/programs.mjs';

const SESSION_LIMIT_MS = 30_000;
const COMMAND_LIMIT_MS = 15_000;

/** A port that was free a moment ago. */
const freePort = () =>
  new Promise((done, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

/** Starts WebKitWebDriver, and `binary` through it, with `env`. */
export async function open(binary, env) {
  const port = await freePort();
  const driver = start('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], env);
  const call = async (method, path, body, limit = COMMAND_LIMIT_MS) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(limit),
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`WebDriver ${method} ${path}: ${value?.error}: ${value?.message}`);
    return value;
  };
  const reachable = async () => {
    if (driver.child.exitCode !== null) throw new Error('WebKitWebDriver ended');
    return call('GET', '/status').catch(() => null);
  };
  try {
    await until('WebKitWebDriver', 20_000, reachable);
    const alwaysMatch = { 'webkitgtk:browserOptions': { binary, args: [] } };
    const { sessionId } = await call('POST', '/session', { capabilities: { alwaysMatch } }, SESSION_LIMIT_MS);
    const session = (method, path, body) => call(method, `/session/${sessionId}${path}`, body);
    return {
      log: driver.log,
      /** Runs a function in the page; its arguments and its answer are JSON. */
      evaluate: (f, ...args) => session('POST', '/execute/sync', { script: `return (${f})(...arguments)`, args }),
      /** A PNG of the page. */
      screenshot: async () => Buffer.from(await session('GET', '/screenshot'), 'base64'),
      stop: () => driver.stop('SIGKILL'),
    };
  } catch (error) {
    await driver.stop('SIGKILL');
    throw new Error(`${error.message}\n${driver.log()}`, { cause: error });
  }
}
