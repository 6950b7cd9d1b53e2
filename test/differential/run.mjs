// Gives the same messages to our codec and to the HTTP parser of Node.js, and fails when ours
// accepts what the other refuses, or reads it differently: first line, fields, content, trailers,
// or where the message ends. What only ours refuses is allowed, and counted by its reason.
//
//     node run.mjs <path of http1_verdict> [--count N] [--seed N]
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { makeMessages } from './messages.mjs';

const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common');
const tree = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const maxShown = 20;

function option(name, fallback) {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

function readCorpus() {
  const folder = join(tree, 'test', 'fuzz', 'corpus');
  const messages = [];
  for (const [name, kinds] of [['request', 'q'], ['response', 'rh']]) {
    for (const file of readdirSync(join(folder, name)).sort()) {
      const bytes = readFileSync(join(folder, name, file));
      for (const kind of kinds) messages.push({ kind, bytes });
    }
  }
  return messages;
}

// The sentences are the names of the faults, in the order of their numbers.
function readFaults() {
  const text = readFileSync(join(tree, 'src', 'proto', 'http_fault.def'), 'utf8');
  return ['NONE', ...[...text.matchAll(/^HTTP_FAULT\((\w+)/gm)].map((match) => match[1])];
}

function askOurs(program, messages) {
  const records = [];
  for (const { kind, bytes } of messages) {
    const head = Buffer.alloc(5);
    head.write(kind, 0, 'latin1');
    head.writeUInt32LE(bytes.length, 1);
    records.push(head, bytes);
  }
  const child = spawnSync(program, { input: Buffer.concat(records), maxBuffer: 1 << 30 });
  if (child.status !== 0) throw new Error(`${program}: ${child.signal ?? child.status}\n${child.stderr}`);
  const lines = child.stdout.toString('latin1').trimEnd().split('\n');
  if (lines.length !== messages.length) throw new Error(`${lines.length} verdicts`);
  return lines.map((line) => {
    const [outcome, fault, size, text, content] = line.split(' ');
    return {
      outcome,
      fault: Number(fault),
      size: Number(size),
      text: Buffer.from(text.slice(1), 'hex').toString('latin1'),
      content: Buffer.from(content.slice(1), 'hex').toString('latin1'),
    };
  });
}

function formatFields(list) {
  let text = '';
  for (let i = 0; i < list.length; i += 2) text += `${list[i]}: ${list[i + 1]}\n`;
  return text;
}

// Ours takes bytes beyond ASCII in a target, the parser of Node.js does not: it gets a letter for
// each of them, and everything else has to be the same.
function foldTarget(text) {
  return text.replace(/^((?:\r\n)?[^ \r\n]* )([^ \r\n]*)/,
    (all, method, target) => method + target.replace(/[\x80-\xff]/g, 'z'));
}

// Only the first message of the bytes is of interest.
function askNode(kind, message) {
  const bytes = kind === 'q' ? Buffer.from(foldTarget(message.toString('latin1')), 'latin1') : message;
  const parser = new HTTPParser();
  const seen = { head: false, ended: false, text: '', content: '', error: null };
  let fields = [];
  let url = '';
  parser.initialize(kind === 'q' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, 0, 0);
  parser[HTTPParser.kOnHeaders] = (list, part) => {
    fields.push(...list);
    url += part;
  };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, list, method, target, status, reason) => {
    if (seen.ended) return 0;
    seen.head = true;
    if (list) fields.push(...list);
    const first = kind === 'q' ? `${methods[method]} ${target ?? url}` : `${status} ${reason}`;
    seen.text = `${first} ${major}.${minor}\n${formatFields(fields)}`;
    fields = [];
    return kind === 'h' ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (piece) => {
    if (!seen.ended) seen.content += piece.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    if (!seen.ended && fields.length) seen.text += `trailers\n${formatFields(fields)}`;
    fields = [];
    seen.ended = true;
  };
  const result = parser.execute(bytes, 0, bytes.length);
  if (result instanceof Error) seen.error = `${result.code}: ${result.reason}`;
  // The sender closes; that is where a body without a length ends.
  if (!seen.error && !seen.ended) parser.finish();
  parser.free();
  return seen;
}

// Our text has two things that the other parser does not say.
function comparable(text) {
  return text
    .replace(/ size \d+\n/, '\n')
    .replace(/^framing \d+ \d+\n/m, '')
    .replace(/^trailers\n$/m, '');
}

// What ours accepts on purpose and Node.js does not: methods it has no name for, and minor
// versions above 1, which RFC 9110, 2.5 has us read as the highest one we know.
function isKnown(message, node) {
  const text = message.bytes.toString('latin1').replace(/^\r\n/, '');
  if (node.error?.startsWith('HPE_INVALID_METHOD'))
    return message.kind === 'q' && !methods.includes(text.slice(0, text.indexOf(' ')));
  if (node.error?.startsWith('HPE_INVALID_VERSION'))
    return /^[^\r\n]*HTTP\/1\.[2-9]/.test(text);
  return false;
}

// Empty when both agree, else what is different.
function compare(message, ours) {
  const isWhole = ours.outcome === 'accept';
  // Of a message that is not whole, what ours has judged: it judges lines when they are whole.
  const bytes = message.bytes.subarray(0, ours.size);
  const node = askNode(message.kind, bytes);
  if (!isWhole && !ours.text) return '';
  if (node.error) return isKnown(message, node) ? '' : `refused by the other: ${node.error}`;
  if (!node.head) return 'the other has not seen the end of the head';
  const text = comparable(message.kind === 'q' ? foldTarget(ours.text) : ours.text);
  if (text !== node.text) return `heads differ:\n${ours.text}\n${node.text}`;
  if (ours.content !== node.content) return `contents differ: ${ours.content} / ${node.content}`;
  if (isWhole !== node.ended) return isWhole ? 'the other waits for more' : 'the other is done';
  if (isWhole && askNode(message.kind, bytes.subarray(0, bytes.length - 1)).ended &&
      !/^framing 3 /m.test(ours.text))
    return 'the other was done before';
  return '';
}

function main() {
  const program = process.argv[2];
  const faults = readFaults();
  const messages = [
    ...readCorpus(),
    ...makeMessages(option('--count', 40000), option('--seed', 1)),
  ];
  const verdicts = askOurs(program, messages);
  const refused = {};
  const counts = { accept: 0, more: 0, refuse: 0 };
  let onlyOurs = 0;
  let different = 0;
  messages.forEach((message, i) => {
    const ours = verdicts[i];
    counts[ours.outcome]++;
    if (ours.outcome === 'refuse') {
      const { error } = askNode(message.kind, message.bytes);
      if (!error) {
        refused[faults[ours.fault]] = (refused[faults[ours.fault]] ?? 0) + 1;
        onlyOurs++;
      }
      return;
    }
    const difference = compare(message, ours);
    if (difference && ++different <= maxShown)
      console.log(`${message.kind} ${JSON.stringify(message.bytes.toString('latin1'))}\n  ${difference}`);
  });
  console.log(`${messages.length} messages: accepted ${counts.accept}, unfinished ${counts.more}, ` +
    `refused ${counts.refuse}, of these only by us ${onlyOurs}`);
  console.log(refused);
  console.log(`differences: ${different}`);
  // A generator that makes nothing acceptable would compare nothing.
  if (counts.accept < messages.length / 10) throw new Error('too few accepted messages');
  process.exitCode = different ? 1 : 0;
}

main();
