// A local app: says its port, echoes WebSocket messages, answers plain requests with JSON about them.
'use strict';
const http = require('http');
const { WebSocketServer } = require('ws');

const server = http.createServer((request, response) => {
	const parts = [];
	request.on('data', (part) => parts.push(part));
	request.on('end', () => {
		response.setHeader('Content-Type', 'application/json');
		response.end(JSON.stringify({
			method: request.method,
			url: request.url,
			headers: request.rawHeaders,
			body: Buffer.concat(parts).toString('base64'),
		}));
	});
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
	socket.on('message', (data, binary) => socket.send(data, { binary }));
	socket.on('close', (code) => console.log(JSON.stringify({ closed: code })));
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
