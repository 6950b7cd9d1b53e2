// node ws_client.js PORT HOST COUNT SIZE: sends COUNT messages of SIZE bytes to ws://HOST/ at
// 127.0.0.1:PORT, wants each back unchanged, and prints one JSON line about it.
'use strict';
const crypto = require('crypto');
const WebSocket = require('ws');

const [port, host, count, size] = process.argv.slice(2);
const sent = [];
let received = 0;
const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { Host: host } });

function finish(result) {
	console.log(JSON.stringify({ received, ...result }));
	process.exit(0);
}
socket.on('open', () => {
	for (let i = 0; i < Number(count); i++) {
		const data = crypto.randomBytes(Number(size));
		sent.push(data);
		socket.send(data);
	}
});
socket.on('message', (data) => {
	if (!data.equals(sent[received])) finish({ error: `message ${received} differs` });
	received++;
	if (received === Number(count)) socket.close(1000);
});
socket.on('close', (code) => finish({ closed: code }));
socket.on('unexpected-response', (request, response) => finish({ status: response.statusCode }));
socket.on('error', (error) => finish({ error: error.message }));
