/**
 * A relay for pairs on npm's ws, as its users would write it: it forwards the messages of each end to the other.
 *
 *   node ws_relay.mjs        prints "ready PORT"
 *
 * The path's query names the pair (0: alone, idle); both ends hear "paired" once they are there.
 */
import { WebSocketServer } from 'ws';

const waiting = new Map();
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: false,
  clientTracking: false,
  backlog: 4096,
});

server.on('listening', () => console.log(`ready ${server.address().port}`));
server.on('connection', (socket, request) => {
  const pair = new URL(request.url, 'http://localhost').searchParams.get('pair');
  let other = null;
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => other?.send(data, { binary: isBinary }));
  socket.on('close', () => {
    if (waiting.get(pair)?.socket === socket) waiting.delete(pair);
    other?.terminate();
  });
  if (pair === '0') {
    socket.send('paired');
    return;
  }
  const first = waiting.get(pair);
  const join = (peer) => {
    other = peer;
    socket.send('paired');
  };
  if (!first) {
    waiting.set(pair, { socket, join });
    return;
  }
  waiting.delete(pair);
  first.join(socket);
  join(first.socket);
});
