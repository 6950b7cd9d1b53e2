#!/bin/bash
# Builds linkem in a temporary directory and checks it against ping and iperf3.
# Run as root. Takes about 30 s (at most 58); exits non-zero if any check fails.
# shellcheck disable=SC2317 # functions are called through check and the trap
set -u
cd "$(dirname "$0")" || exit 1

if [[ ${LINKEM_SELFTEST_BOUNDED:-} != yes ]]; then
	for tool in ping:iputils-ping iperf3:iperf3 ip:iproute2; do
		command -v "${tool%%:*}" >/dev/null ||
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${tool#*:}" >/dev/null || exit 1
	done
	LINKEM_SELFTEST_BOUNDED=yes exec timeout --kill-after=2 56 bash ./selftest.sh
fi

tmp=$(mktemp -d)
left=lkt$$-l right=lkt$$-r
linkem_pid="" failures=0

cleanup() {
	[[ -n $linkem_pid ]] && kill "$linkem_pid" 2>/dev/null && wait "$linkem_pid"
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'echo "FAIL - stopped or out of time"; exit 1' TERM INT

ctl() { "$tmp/linkem" ctl --socket "$tmp/socket" "$@"; }
on_left() { ip netns exec "$left" "$@"; }
on_right() { ip netns exec "$right" "$@"; }
stat() { ctl stats | grep -o "\"$1\":{[^}]*}" | grep -o "\"$2\":[0-9.]*" | cut -d: -f2; }

# check TEXT COMMAND...: the command must succeed
check() {
	local text=$1
	shift
	if "$@"; then
		echo "ok   - $text"
	else
		echo "FAIL - $text"
		failures=$((failures + 1))
	fi
}
within() { awk -v v="$1" -v low="$2" -v high="$3" 'BEGIN { exit !(v != "" && v >= low && v <= high) }'; }
fails() { ! "$@" >"$tmp/out" 2>&1; }
ok_quiet() { "$@" >"$tmp/out" 2>&1; }

# iperf OPTION...: one test from left to right; the output goes to $tmp/iperf
iperf() {
	on_right timeout 15 iperf3 -s -1 >/dev/null 2>&1 &
	local server=$! status
	sleep 0.3
	on_left timeout 14 iperf3 -c 10.200.0.2 -f m "$@" >"$tmp/iperf" 2>&1
	status=$?
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	return $status
}
receiver_mbit() { grep receiver "$tmp/iperf" | tail -1 | grep -o '[0-9.]* Mbits/sec' | cut -d' ' -f1; }
cubic=()
grep -qw cubic /proc/sys/net/ipv4/tcp_available_congestion_control && cubic=(-C cubic)

echo "# build and start"
check "builds without warnings" \
	cc -std=c17 -O2 -Wall -Wextra -Wpedantic -Werror -o "$tmp/linkem" linkem.c
[[ -x $tmp/linkem ]] || exit 1
"$tmp/linkem" up --left-ns "$left" --right-ns "$right" --delay 20ms --seed 7 \
	--socket "$tmp/socket" >"$tmp/log" 2>&1 &
linkem_pid=$!
for _ in {1..50}; do grep -q ready "$tmp/log" && break; sleep 0.1; done
check "link is ready" grep -q ready "$tmp/log"
grep -q ready "$tmp/log" || { cat "$tmp/log"; exit 1; }

echo "# delay"
on_left ping -q -c 50 -i 0.02 10.200.0.2 >"$tmp/ping"
read -r rtt_min rtt_avg rtt_max < <(awk -F'[ /]' '/^rtt/ { print $7, $8, $9 }' "$tmp/ping")
echo "#   RTT min $rtt_min avg $rtt_avg max $rtt_max ms; late: l2r max $(stat l2r late_max_ns) ns," \
	"r2l max $(stat r2l late_max_ns) ns"
check "least RTT 40.0 to 40.5 ms" within "$rtt_min" 40.0 40.5
check "mean RTT 40.0 to 42 ms" within "$rtt_avg" 40.0 42

echo "# loss, 5% from left to right"
ctl set l2r loss=5% delay=2ms >/dev/null
sent_before=$(stat l2r rx_packets)
on_left timeout 8 ping -q -c 500 -i 0.004 -W 0.5 10.200.0.2 >"$tmp/ping"
got=$(grep -o '[0-9]* received' "$tmp/ping" | cut -d' ' -f1)
lost=$((500 - got))
echo "#   lost $lost of 500"
check "loss is 2.2% to 8%" within $lost 11 40
check "counters agree with ping" test "$(stat l2r dropped_loss)" = $lost
check "500 packets went in" test $(($(stat l2r rx_packets) - sent_before)) = 500

echo "# jitter and order"
seqs() { on_left ping -c 150 -i 0.004 -W 0.5 10.200.0.2 | grep -o 'icmp_seq=[0-9]*' | cut -d= -f2; }
ctl set l2r loss=0 delay=20ms jitter=10ms >/dev/null
check "jitter keeps the order" test "$(seqs | tee "$tmp/seqs" | sort -n -c 2>&1)" = ""
check "jitter loses nothing" test "$(wc -l <"$tmp/seqs")" = 150
ctl set l2r reorder=1 >/dev/null
check "reorder=1 reorders" test "$(seqs | sort -n -c 2>&1)" != ""

echo "# rate limit, 50mbit"
ctl set delay=5ms jitter=0 reorder=0 rate=50mbit >/dev/null
check "iperf3 with the limit" iperf -t 3 "${cubic[@]}"
mbit=$(receiver_mbit)
echo "#   $mbit Mbit/s of TCP payload"
check "rate within 15% of 50 Mbit/s" within "$mbit" 42.5 57.5

echo "# throughput without a limit, delay 10ms, mtu 1500"
ctl set rate=0 delay=10ms >/dev/null
check "iperf3 without a limit" iperf -t 2 -P 2 "${cubic[@]}"
echo "#   $(receiver_mbit) Mbit/s of TCP payload"

echo "# a TCP connection across a 2 s cut"
iperf -t 6 -b 5M -i 1 & iperf_pid=$!
sleep 1.5
ctl cut >/dev/null
before=$(stat l2r tx_packets)
sleep 2
check "nothing passes during the cut" test "$(stat l2r tx_packets)" = "$before"
check "packets were dropped" within "$(stat l2r dropped_cut)" 1 1e9
ctl restore >/dev/null
check "the connection survives" wait "$iperf_pid"
after=$(grep -o '5\.00-6\.00 .*' "$tmp/iperf" | grep -o '[0-9.]* MBytes' | cut -d' ' -f1)
check "data flows again (last second: ${after:-no} MBytes)" within "$after" 0.1 1000

echo "# readdr"
check "left becomes 10.200.0.77" ok_quiet ctl readdr left 10.200.0.77/24
check "the new address answers" ok_quiet on_right ping -q -c 2 -i 0.1 -W 1 10.200.0.77
check "the old address is gone" fails on_right ping -q -c 2 -i 0.1 -W 0.5 10.200.0.1
check "left becomes 172.20.5.5, another subnet" ok_quiet ctl readdr left 172.20.5.5/16
check "which answers" ok_quiet on_right ping -q -c 2 -i 0.1 -W 1 172.20.5.5
check "a bad address is refused" fails ctl readdr left 10.1.1.1/77
check "IPv6 works" ok_quiet ctl readdr left fd00:5::1/64
ok_quiet ctl readdr right fd00:5::2/64
check "and answers" ok_quiet on_right ping -q -c 2 -i 0.1 -W 1 fd00:5::1

echo "# stop"
kill -TERM "$linkem_pid"
check "exits with status 0 on SIGTERM" wait "$linkem_pid"
linkem_pid=""
check "the namespaces are gone" fails test -e "/run/netns/$left" -o -e "/run/netns/$right"
check "the socket is gone" fails test -e "$tmp/socket"

echo "# $failures failed, $SECONDS s"
exit $((failures > 0))
