/**
 * A relay for pairs on Socket.IO with WebSocket transport only: it forwards each event "m" of one end to the other.
 *
 *   node socketio_relay.mjs        prints "ready PORT"
 *
 * The handshake's query names the pair; 0 means a single idle socket. Both ends get the event "paired" once both are
 * there.
 */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
});
const waiting = new Map();

io.on('connection', (socket) => {
  const { pair } = socket.handshake.query;
  let other = null;
  socket.on('m', (data) => other?.emit('m', data));
  socket.on('disconnect', () => {
    if (waiting.get(pair)?.socket === socket) waiting.delete(pair);
    other?.disconnect(true);
  });
  if (pair === '0') {
    socket.emit('paired');
    return;
  }
  const first = waiting.get(pair);
  const join = (peer) => {
    other = peer;
    socket.emit('paired');
  };
  if (!first) {
    waiting.set(pair, { socket, join });
    return;
  }
  waiting.delete(pair);
  first.join(socket);
  join(first.socket);
});
http.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => console.log(`ready ${http.address().port}`));
