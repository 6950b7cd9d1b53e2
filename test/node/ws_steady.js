// node ws_steady.js PORT HOST SIZE: keeps 8 messages under way on ws://HOST/ at 127.0.0.1:PORT, wants
// each back unchanged and in order, until its stdin has ended and LEAST of them came; then prints one
// JSON line about it.
'use strict';
const crypto = require('crypto');
const WebSocket = require('ws');

const [port, host, size] = process.argv.slice(2);
const LEAST = 41; // several times what is under way, however slow the machine
const waiting = [];
let echoed = 0;
let ending = false;
const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { Host: host } });

function say(result) {
	console.log(JSON.stringify(result));
}
function finish(result) {
	say({ echoed, ...result });
	process.exit(0);
}
function isOver() {
	return ending && echoed >= LEAST;
}
function closeWhenOver() {
	if (isOver() && waiting.length === 0) socket.close(1000);
}
function send() {
	const data = crypto.randomBytes(Number(size));
	waiting.push(data);
	socket.send(data);
}
socket.on('open', () => {
	say({ open: true });
	for (let i = 0; i < 8; i++) send();
});
socket.on('message', (data) => {
	if (!data.equals(waiting.shift())) finish({ error: `message ${echoed} differs` });
	echoed++;
	if (isOver()) closeWhenOver();
	else setTimeout(() => (isOver() ? closeWhenOver() : send()), 5);
});
socket.on('close', (code) => finish({ closed: code }));
socket.on('unexpected-response', (request, response) => finish({ status: response.statusCode }));
socket.on('error', (error) => finish({ error: error.message }));
process.stdin.on('end', () => {
	ending = true;
	closeWhenOver();
});
process.stdin.resume();
