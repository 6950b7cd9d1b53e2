// The service behind the demo tunnel: a page that shows what arrives through it. It listens on a
// loopback port, a free one unless told, and says which; it keeps nothing and trusts nobody.
//
//   node tools/demo/demo.mjs [PORT]
//
//   GET /        the page           GET /ticks   server-sent events, one a second
//   ANY /echo    the request as it arrived, as JSON
//   WS  /ws      every message comes back
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../test/node/package.json", import.meta.url));
const { WebSocketServer } = require("ws");
const page = readFileSync(new URL("demo.html", import.meta.url));
const MAX_ECHO = 1 << 20;

function sendJson(response, status, value) {
  const body = JSON.stringify(value, null, 2) + "\n";
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
  });
  response.end(body);
}

function echo(request, response) {
  const chunks = [];
  let size = 0;
  request.on("data", (chunk) => {
    size += chunk.length;
    if (size <= MAX_ECHO) chunks.push(chunk);
  });
  request.on("end", () => {
    if (size > MAX_ECHO) return sendJson(response, 413, { error: "more than 1 MiB" });
    sendJson(response, 200, {
      method: request.method,
      target: request.url,
      version: request.httpVersion,
      fields: request.rawHeaders.reduce((pairs, text, i) => {
        if (i % 2 === 0) pairs.push([text]);
        else pairs.at(-1).push(text);
        return pairs;
      }, []),
      body: Buffer.concat(chunks).toString("utf8"),
    });
  });
}

function ticks(request, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const tick = () => response.write(`data: ${new Date().toISOString()}\n\n`);
  const timer = setInterval(tick, 1000);
  tick();
  response.on("close", () => clearInterval(timer));
}

function answer(request, response) {
  const path = request.url.split("?", 1)[0];
  if (path === "/echo") return echo(request, response);
  if (path === "/ticks") return ticks(request, response);
  if (path !== "/") return sendJson(response, 404, { error: "no such page" });
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "content-length": page.length,
  });
  response.end(request.method === "HEAD" ? undefined : page);
}

const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_ECHO });
sockets.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on("error", () => socket.terminate());
});

function upgrade(request, socket, head) {
  if (request.url !== "/ws") return socket.destroy();
  sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit("connection", opened));
}

function listen(port, host, then) {
  const server = createServer(answer).on("upgrade", upgrade);
  server.listen(port, host, () => then(server.address().port));
  return server;
}

// "localhost" may mean either loopback address; a machine without IPv6 is fine with one.
listen(Number(process.argv[2] ?? 0), "127.0.0.1", (port) => {
  const ready = () => console.log(`listening on ${port}`);
  listen(port, "::1", ready).on("error", ready);
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
