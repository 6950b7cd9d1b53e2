// Asks the demo's public URL what a visitor would: the page, a body there and back, a WebSocket
// message. Names under *.localhost are not known to every resolver, so the connection goes to
// 127.0.0.1 and the name travels in Host. Exit status 0 when all answers are right.
//
//   node tools/demo/check.mjs http://demo.localhost:8080
import assert from "node:assert/strict";
import { request } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../test/node/package.json", import.meta.url));
const { WebSocket } = require("ws");
const url = new URL(process.argv[2]);
const to = { host: "127.0.0.1", port: url.port || 80, headers: { host: url.host } };
const DEADLINE_MS = 10_000;

function ask(method, path, body = "") {
  return new Promise((resolve, reject) => {
    const headers = { ...to.headers, "content-length": Buffer.byteLength(body) };
    const asked = request({ ...to, method, path, headers, agent: false }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString("utf8") });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function sayOverWebSocket(message) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${to.port}/ws`, { headers: to.headers });
    socket.on("open", () => socket.send(message));
    socket.on("error", reject);
    socket.on("message", (data) => {
      socket.close();
      resolve(data.toString("utf8"));
    });
  });
}

const timer = setTimeout(() => {
  console.error(`no answer within ${DEADLINE_MS / 1000} s`);
  process.exit(1);
}, DEADLINE_MS);

const page = await ask("GET", "/");
assert.equal(page.status, 200);
assert.match(page.text, /<title>adit demo<\/title>/);

const sent = "a body, both ways: äöü";
const echoed = JSON.parse((await ask("POST", "/echo?x=1", sent)).text);
assert.equal(echoed.method, "POST");
assert.equal(echoed.target, "/echo?x=1");
assert.equal(echoed.body, sent);
assert.deepEqual(
  echoed.fields.filter(([name]) => name.toLowerCase() === "host").map(([, value]) => value),
  [url.host],
);

assert.equal(await sayOverWebSocket("hello"), "hello");
clearTimeout(timer);
