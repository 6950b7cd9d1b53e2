// node ws_basic.js PORT HOST [USER:PASSWORD]: opens ws://HOST/ at 127.0.0.1:PORT, sends one message
// and wants it back; prints one JSON line about it.
'use strict';
const WebSocket = require('ws');

const [port, host, auth] = process.argv.slice(2);
const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { Host: host }, auth });

function finish(result) {
	console.log(JSON.stringify(result));
	process.exit(0);
}
socket.on('open', () => socket.send('hello'));
socket.on('message', (data) => finish({ echo: data.toString() }));
socket.on('unexpected-response', (request, response) => finish({ status: response.statusCode }));
socket.on('error', (error) => finish({ error: error.message }));
