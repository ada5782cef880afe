// What a window manager says to a window when its cross is clicked: WM_DELETE_WINDOW (ICCCM 4.2.8.1), over the X protocol
// itself, since Xvfb has no window manager.
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';

const INTERN_ATOM = 16;
const GET_PROPERTY = 20;
const QUERY_TREE = 15;
const SEND_EVENT = 25;
const GET_INPUT_FOCUS = 43;
const CLIENT_MESSAGE = 33;

/** Asks every window of this title to close. */
export async function askToClose(title) {
  const x = await open();
  try {
    const [name, protocols, remove] = await Promise.all(['_NET_WM_NAME', 'WM_PROTOCOLS', 'WM_DELETE_WINDOW'].map(x.atom));
    let asked = 0;
    for (const window of await x.windows(x.root)) {
      if ((await x.property(window, name)) !== title) continue;
      // Only a window that takes part in the protocol may be told.
      if (!(await x.property(window, protocols))) continue;
      x.message(window, protocols, remove);
      asked += 1;
    }
    await x.settled();
    if (!asked) throw new Error(`no window of the display ${process.env.DISPLAY} is called '${title}'`);
  } finally {
    x.end();
  }
}

async function open() {
  const display = /^:(\d+)/.exec(process.env.DISPLAY ?? '')?.[1];
  if (!display) throw new Error(`DISPLAY is '${process.env.DISPLAY ?? ''}': these tests need an X server of this machine`);
  const socket = connect(`/tmp/.X11-unix/X${display}`);
  const take = reader(socket);
  socket.write(hello(cookie(display)));
  const head = await take(8);
  const setup = await take(head.readUInt16LE(6) * 4);
  if (head[0] !== 1) throw new Error(`the X server refuses: ${setup.subarray(0, head[1])}`);
  const vendor = setup.readUInt16LE(16);
  const formats = setup[21];
  const root = setup.readUInt32LE(32 + pad(vendor) + 8 * formats);

  // One question at a time: replies come in order, and events are passed over.
  let last = Promise.resolve();
  const ask = (request) => (last = last.then(() => answer(request)));
  const answer = async (request) => {
    socket.write(request);
    for (;;) {
      const reply = await take(32);
      if (reply[0] === 0) throw new Error(`the X server answers with error ${reply[1]}`);
      if (reply[0] !== 1) continue;
      return Buffer.concat([reply, await take(reply.readUInt32LE(4) * 4)]);
    }
  };
  return {
    root,
    atom: async (name) => {
      const body = Buffer.alloc(4 + pad(name.length));
      body.writeUInt16LE(name.length, 0);
      body.write(name, 4, 'latin1');
      return (await ask(request(INTERN_ATOM, 0, body))).readUInt32LE(8);
    },
    property: async (window, atom) => {
      const reply = await ask(request(GET_PROPERTY, 0, words(window, atom, 0, 0, 256)));
      const length = reply.readUInt32LE(16) * (reply[1] / 8);
      return reply.subarray(32, 32 + length).toString('utf8');
    },
    windows: async (parent) => {
      const reply = await ask(request(QUERY_TREE, 0, words(parent)));
      return Array.from({ length: reply.readUInt16LE(16) }, (_, i) => reply.readUInt32LE(32 + 4 * i));
    },
    message: (window, type, atom) => {
      const event = Buffer.alloc(32);
      event[0] = CLIENT_MESSAGE;
      event[1] = 32;
      event.writeUInt32LE(window, 4);
      event.writeUInt32LE(type, 8);
      event.writeUInt32LE(atom, 12);
      socket.write(request(SEND_EVENT, 0, Buffer.concat([words(window, 0), event])));
    },
    /** The server has done all it was told. */
    settled: () => ask(request(GET_INPUT_FOCUS, 0, Buffer.alloc(0))),
    end: () => socket.destroy(),
  };
}

const pad = (length) => (length + 3) & ~3;

const words = (...values) => {
  const buffer = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => buffer.writeUInt32LE(value, 4 * i));
  return buffer;
};

function request(opcode, detail, body) {
  const head = Buffer.alloc(4);
  head[0] = opcode;
  head[1] = detail;
  head.writeUInt16LE(1 + body.length / 4, 2);
  return Buffer.concat([head, body]);
}

/** The beginning of a connection: little endian, protocol 11.0, and the cookie where the server wants one. */
function hello(cookie) {
  const name = cookie ? 'MIT-MAGIC-COOKIE-1' : '';
  const secret = cookie ?? Buffer.alloc(0);
  const buffer = Buffer.alloc(12 + pad(name.length) + pad(secret.length));
  buffer.write('l', 0);
  buffer.writeUInt16LE(11, 2);
  buffer.writeUInt16LE(name.length, 6);
  buffer.writeUInt16LE(secret.length, 8);
  buffer.write(name, 12);
  secret.copy(buffer, 12 + pad(name.length));
  return buffer;
}

function cookie(display) {
  const listed = execFileSync('xauth', ['list', `:${display}`], { encoding: 'utf8' });
  const hex = /MIT-MAGIC-COOKIE-1\s+([0-9a-f]+)/.exec(listed)?.[1];
  return hex ? Buffer.from(hex, 'hex') : null;
}

/** `take(n)` waits for the next n bytes. */
function reader(socket) {
  let held = Buffer.alloc(0);
  let ended = null;
  let wake = () => {};
  socket.on('data', (data) => {
    held = Buffer.concat([held, data]);
    wake();
  });
  const end = (error) => {
    ended = error ?? new Error('the X server closed the connection');
    wake();
  };
  socket.on('error', end).on('close', () => end(ended));
  return async (length) => {
    while (held.length < length) {
      if (ended) throw ended;
      await new Promise((resolve) => (wake = resolve));
    }
    const taken = held.subarray(0, length);
    held = held.subarray(length);
    return taken;
  };
}
