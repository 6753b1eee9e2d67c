// npm ws as an echo server: no compression, TCP_NODELAY (which ws sets by itself), one process.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });

server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', (error) => console.error(`a connection failed: ${error.message}`));
});

server.on('listening', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
