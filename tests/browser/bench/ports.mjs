// Ports for programs that can't choose one themselves.
import { connect, createServer } from 'node:net';

/** One that nobody listens on. */
export const freePort = () =>
  new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

/** Whether somebody listens. */
export const answers = (port) =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => (socket.destroy(), done(true))).on('error', () => done(false));
  });
