// Makes messages that are mostly right and a little wrong, the same ones for the same seed.

// A linear congruential generator modulo 2^32; good enough to choose with.
function makeRandom(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const methods = ['GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH',
  'CONNECT', 'M-SEARCH', 'PROPFIND', 'FOO', 'get', 'G ET', ''];
const targets = ['/', '/', '/', '/a/b?c=d&e', '//', '/%41', '/?new', '*', 'http://a.test/b', 'a.test:80',
  '/a|b', '/"<>', '/a#b', '/\xe9', '/\x85\xa0\xff', '\xa0', '/\xe9 b', '/\t', '/ b', '', 'x', 'https://u@a.test', '/\\', '/{}^`'];
const versions = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0',
  'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.', 'HTTP/1.1 ', 'HTTP/1.10'];
const statuses = ['200 OK', '200 OK', '200 OK', '204 No Content', '304 Not Modified', '100 Continue',
  '101 Switching Protocols', '103 Early Hints', '404 Not Found', '500 ', '502', '200 \xe9t\xe9', '205 Reset',
  '099 x', '600 x', '20 x', '2000 x', '200\tOK', ' 200 OK', '-20 x', '302  Two'];
const fields = ['Accept: */*', 'Accept:*/*', 'User-Agent: a (b; c) d/1', 'Cookie: a=b; c="d"', 'X-Empty:',
  'X-Blank: \t ', 'X-Inner: a \t b', 'X-Bytes: \xe9\xff\x80', 'Connection: keep-alive', 'Connection: close',
  'Connection: keep-alive, Upgrade', 'Upgrade: websocket', 'Keep-Alive: timeout=5', 'TE: trailers',
  'Expect: 100-continue', 'Date: now', 'Trailer: X-Sum', "!#$%&'*+-.^_`|~09azAZ: a"];
const badFields = ['X : a', ' X: a', ': a', 'X', 'X\xe9: a', 'X: a\x00b', 'X: a\rb', 'X: a\nb', 'X: a\r\n b',
  'X: \x7f', 'X: \x1b', 'X(: a', 'X: a\r', '\tX: a', 'X\x00: a', 'X\r: a', 'Host: b', 'X:\x0ba'];
const lengths = ['5', '5', '5', '5', '0', '05', '5, 5', '+5', '-5', '0x5', '5 ', ' 5', '5a', '', '6',
  '18446744073709551616', '9223372036854775807', '9223372036854775808', '5\t', '5.0', '5,', '\xb25'];
const codings = ['chunked', 'chunked', 'chunked', 'chunked', 'Chunked', 'CHUNKED', ' chunked\t', 'identity',
  'gzip', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'chunked,', ',chunked', 'xchunked', 'chunked;a',
  '"chunked"', '', 'chunked\r\n', 'chun\rked', '\x0bchunked'];
const sizes = ['5', '5', '5', '5', '05', '0000000000000005', '00000000000000005', 'a', 'A', '0x5', '+5', '-5',
  ' 5', '5 ', '', '5g', 'ffffffffffffffff', '10000000000000005', '5\t', '5_', '4', '6', '7fffffffffffffff'];
const extensions = ['', '', '', '', '', '', ';a', ';a=b', ';a="b"', ';a="b;c\\"d"', ';a;b=c', ';', ';=', ';a=',
  '; a', ' ;a', ';a =b', ';a\n', ';a\r', ';a="b', ';a="\r\n"', ';a="b"c', ';"a"', ';a=\xe9', ';\x00', ';a="\x01"',
  ';a="\\\x01"', ';a="\t"', ';a="\xe9"', ';a=b"c', ';a=b=c', ';a,b', ';a;;b', ';a="b";c'];
const trailers = ['', '', '', '', 'X-Sum: 1\r\n', 'X-Sum: 1\r\nX-Two:2\r\n', 'X: a\r\n b\r\n', 'X : a\r\n', 'X: a\n',
  'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'Host: a\r\n', '\r\n', ': a\r\n', 'X: \x00\r\n'];
const lineEnds = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n', '\n\r'];
const snippets = ['\r\n', '\n', '\r', ' ', '\t', '\x00', ':', ';', ',', '0', '5', 'a', '\xff', '\x7f', '\r\n ', '=', '"'];

class Maker {
  constructor(seed) {
    this.random = makeRandom(seed);
  }

  pick(list) {
    return list[this.random(list.length)];
  }

  // Mostly the first, which is right.
  pickMostly(list, oneIn) {
    return this.random(oneIn) ? list[0] : this.pick(list);
  }

  lineEnd() {
    return this.pickMostly(lineEnds, 60);
  }

  chunk() {
    const size = this.pickMostly(sizes, 6);
    const length = Math.min(parseInt(size, 16) || 5, 12);
    const data = 'hello, world'.slice(0, length);
    return size + this.pickMostly(extensions, 3) + this.lineEnd() + data + this.lineEnd();
  }

  chunks() {
    let text = '';
    for (let i = this.random(3); i > 0; i--) text += this.chunk();
    text += this.pickMostly(['0', '00', '0000000000000000', '00000000000000000', '-0', '0 '], 6);
    return text + this.pickMostly(extensions, 5) + this.lineEnd() + this.pick(trailers) + this.lineEnd();
  }

  // The framing fields and the content that goes with them, not always in harmony.
  framing() {
    const way = this.random(12);
    const length = () => `Content-Length:${this.pick(['', ' '])}${this.pickMostly(lengths, 3)}`;
    const coding = () => `Transfer-Encoding:${this.pick(['', ' '])}${this.pickMostly(codings, 3)}`;
    if (way < 3) return { lines: [], body: this.pick(['', '', 'hello']) };
    if (way < 6) return { lines: [length()], body: 'hello' };
    if (way < 10) return { lines: [coding()], body: this.chunks() };
    if (way === 10) return { lines: [length(), coding()], body: this.pick(['hello', this.chunks()]) };
    return this.random(2) ? { lines: [length(), length()], body: 'hello' }
      : { lines: [coding(), coding()], body: this.chunks() };
  }

  head(first) {
    const { lines, body } = this.framing();
    for (let i = this.random(4); i > 0; i--) lines.push(this.pick(fields));
    if (!this.random(12)) lines.push(this.pick(badFields));
    // A shuffle, because some faults depend on what comes first.
    for (let i = lines.length - 1; i > 0; i--) {
      const j = this.random(i + 1);
      [lines[i], lines[j]] = [lines[j], lines[i]];
    }
    if (this.random(20)) lines.unshift('Host: a.test');
    return [first, ...lines, ''].map((line) => line + this.lineEnd()).join('') + body;
  }

  request() {
    const empty = this.random(20) ? '' : this.pick(['\r\n', '\n', '\r', '\r\n\r\n']);
    const blank = () => this.pickMostly([' ', '  ', '\t', ''], 60);
    const method = this.random(3) ? this.pick(methods) : 'POST';
    const target = this.random(3) ? this.pick(targets) : '/';
    return this.head(`${empty}${method}${blank()}${target}${blank()}${this.pickMostly(versions, 3)}`);
  }

  response() {
    return this.head(`${this.pickMostly(versions, 5)} ${this.pickMostly(statuses, 2)}`);
  }

  mutate(text) {
    const at = this.random(text.length + 1);
    switch (this.random(4)) {
      case 0:
        return text.slice(0, at) + this.pick(snippets) + text.slice(at);
      case 1:
        return text.slice(0, at) + text.slice(at + 1 + this.random(3));
      case 2:
        return text.slice(0, at) + this.pick(snippets) + text.slice(at + 1);
      default:
        return text.slice(0, at);
    }
  }

  message() {
    const kind = this.pick(['q', 'q', 'q', 'q', 'r', 'r', 'h']);
    let text = kind === 'q' ? this.request() : this.response();
    while (!this.random(4)) text = this.mutate(text);
    // What follows belongs to no message, or to the next one.
    if (!this.random(4)) text += this.pick(['GET /next HTTP/1.1\r\nHost: a\r\n\r\n', '0\r\n\r\n', 'x']);
    return { kind, bytes: Buffer.from(text, 'latin1') };
  }
}

export function makeMessages(count, seed) {
  const maker = new Maker(seed);
  return Array.from({ length: count }, () => maker.message());
}
