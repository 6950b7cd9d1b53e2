// Our WebSocket against the npm package ws, in both roles: bytes of every size come back unchanged,
// pings are answered, closes are answered, and what we do not speak is refused. Exits with 77 when
// the packages of test/node are not installed.
//
//   node ws.mjs PEER     PEER is the program ws_peer
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(new URL('../node/package.json', import.meta.url));
let WebSocket;
try {
	WebSocket = require('ws');
} catch {
	console.log('the npm packages of test/node are not installed');
	process.exit(77);
}

const SIZES = [0, 1, 125, 126, 127, 1000, 65535, 65536, 65537, 300000];

function peer(...args) {
	const child = spawn(process.argv[2], args, { stdio: ['ignore', 'pipe', 'inherit'] });
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	return {
		line: async () => (await lines.next()).value,
		over: once(child, 'exit').then(([code]) => code),
	};
}

// What arrives, whatever the borders of its messages.
function receiver(socket) {
	const parts = [];
	let wake = () => {};
	socket.on('message', (data, isBinary) => {
		assert(isBinary);
		parts.push(data);
		wake();
	});
	return async (length) => {
		for (;;) {
			const all = Buffer.concat(parts);
			if (all.length >= length) return all;
			await new Promise((resolve) => (wake = resolve));
		}
	};
}

async function echo(socket) {
	const received = receiver(socket);
	const sent = SIZES.map((size) => randomBytes(size));
	for (const data of sent) socket.send(data);
	// and one message in pieces, with a ping between them
	const pieces = [randomBytes(70000), randomBytes(1), randomBytes(5)];
	socket.send(pieces[0], { binary: true, fin: false });
	socket.ping('are you there');
	const pong = once(socket, 'pong');
	socket.send(pieces[1], { binary: true, fin: false });
	socket.send(pieces[2], { binary: true, fin: true });
	const all = Buffer.concat([...sent, ...pieces]);
	assert.deepEqual(await received(all.length), all);
	assert.equal((await pong)[0].toString(), 'are you there');
}

async function asServer(act) {
	const program = peer('server');
	const port = await program.line();
	const socket = new WebSocket(`ws://127.0.0.1:${port}/_adit/session`, 'adit', {
		perMessageDeflate: true, // is offered, and must not be taken
	});
	await once(socket, 'open');
	assert.equal(socket.protocol, 'adit');
	assert.equal(socket.extensions, '');
	await act(socket, program);
}

async function asClient(act) {
	const server = new WebSocket.WebSocketServer({
		port: 0, host: '127.0.0.1', perMessageDeflate: true,
	});
	await once(server, 'listening');
	const program = peer('client', String(server.address().port));
	const [socket] = await once(server, 'connection');
	await act(socket, program);
	server.close();
}

async function close(socket, program) {
	await echo(socket);
	socket.close(1000);
	const [code] = await once(socket, 'close');
	assert.equal(code, 1000);
	assert.equal(await program.line(), 'ended');
	assert.equal(await program.over, 0);
}

async function text(socket, program) {
	socket.send('text');
	const [code] = await once(socket, 'close');
	assert.equal(code, 1003);
	assert.equal(await program.line(), 'failed');
	assert.equal(await program.over, 0);
}

async function cut(socket, program) {
	await echo(socket);
	socket.terminate();
	assert.equal(await program.line(), 'failed');
	assert.equal(await program.over, 0);
}

for (const act of [close, text, cut]) {
	for (const role of [asServer, asClient]) {
		await role(act);
		console.log(`ok ${role.name} ${act.name}`);
	}
}
