// yamux_peer is the other side of the interop test: hashicorp's yamux, or frames by hand, against a
// session of ours. test_yamux.py starts both and compares what they print.
//
//	yamux_peer client|server PORT SCENARIO [COUNT BYTES]
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"
)

type result struct {
	Good     int64    `json:"good"`
	Served   int64    `json:"served"`
	Failures []string `json:"failures"`
	mutex    sync.Mutex
	serving  sync.WaitGroup
}

// settle waits until the streams that were served are over, which may be a little later here.
func (r *result) settle() {
	over := make(chan bool)
	go func() {
		r.serving.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		r.fail(errors.New("streams are still open"))
	}
}

func (r *result) fail(err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.Failures) < 5 {
		r.Failures = append(r.Failures, err.Error())
	}
}

func echoOne(stream *yamux.Stream, seed, size uint64) error {
	fmt.Fprintf(stream, "echo\n")
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(stream, &source{seed: seed, left: size})
		stream.Close()
		sent <- err
	}()
	got := &sink{seed: seed}
	if _, err := io.Copy(got, stream); err != nil {
		return err
	}
	if got.at != size {
		return fmt.Errorf("%d of %d bytes came back", got.at, size)
	}
	return <-sent
}

// sinkOne ends its side first: the answer comes over a half-closed stream.
func sinkOne(stream *yamux.Stream, seed, size uint64) error {
	fmt.Fprintf(stream, "sink %d\n", seed)
	if _, err := io.Copy(stream, &source{seed: seed, left: size}); err != nil {
		return err
	}
	stream.Close()
	answer, err := io.ReadAll(stream)
	if err == nil && string(answer) != fmt.Sprintf("%d ok\n", size) {
		err = fmt.Errorf("the answer was %q", answer)
	}
	return err
}

// sourceOne closes only after the other side did.
func sourceOne(stream *yamux.Stream, seed, size uint64, pause time.Duration) error {
	fmt.Fprintf(stream, "source %d %d\n", seed, size)
	got, piece := &sink{seed: seed}, make([]byte, 50000)
	for {
		n, err := stream.Read(piece)
		if _, differs := got.Write(piece[:n]); differs != nil {
			return differs
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		time.Sleep(pause)
	}
	if got.at != size {
		return fmt.Errorf("%d of %d bytes came", got.at, size)
	}
	return stream.Close()
}

func resetOne(stream *yamux.Stream) error {
	fmt.Fprintf(stream, "reset\n")
	_, err := stream.Read(make([]byte, 10))
	if !errors.Is(err, yamux.ErrConnectionReset) {
		return fmt.Errorf("not reset but %v", err)
	}
	return nil
}

// lateOne closes a stream that the other side keeps open: the library resets it in the end.
func lateOne(stream *yamux.Stream) error {
	fmt.Fprintf(stream, "hold\n")
	return stream.Close()
}

func goAwayOne(session *yamux.Session, stream *yamux.Stream) error {
	fmt.Fprintf(stream, "goaway\n")
	if answer, err := io.ReadAll(stream); err != nil || string(answer) != "ok\n" {
		return fmt.Errorf("answer %q, %v", answer, err)
	}
	stream.Close()
	if _, err := session.OpenStream(); !errors.Is(err, yamux.ErrRemoteGoAway) {
		return fmt.Errorf("opened after go-away: %v", err)
	}
	return nil
}

func openOne(session *yamux.Session, scenario string, number, size uint64) error {
	stream, err := session.OpenStream()
	if err != nil {
		return err
	}
	switch scenario {
	case "echo":
		return echoOne(stream, number, size)
	case "sink":
		return sinkOne(stream, number, size)
	case "source":
		return sourceOne(stream, number, size, 0)
	case "slow":
		return sourceOne(stream, number, size, 5*time.Millisecond)
	case "reset":
		return resetOne(stream)
	case "late":
		return lateOne(stream)
	case "goaway":
		return goAwayOne(session, stream)
	case "leaving":
		if err = session.GoAway(); err == nil {
			err = echoOne(stream, number, size)
		}
		return err
	}
	return fmt.Errorf("there is no scenario %q", scenario)
}

// openAll runs so many at once.
func openAll(session *yamux.Session, scenario string, count, size uint64, r *result) {
	var all sync.WaitGroup
	for i := uint64(0); i < count; i++ {
		all.Add(1)
		go func(number uint64) {
			defer all.Done()
			if err := openOne(session, scenario, number, size); err != nil {
				r.fail(err)
			} else {
				atomic.AddInt64(&r.Good, 1)
			}
		}(i)
	}
	all.Wait()
	if scenario == "late" {
		time.Sleep(700 * time.Millisecond) // longer than StreamCloseTimeout
		if _, err := session.Ping(); err != nil {
			r.fail(err)
		}
	}
}

func acceptAll(session *yamux.Session, r *result) {
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return
		}
		r.serving.Add(1)
		go func() {
			defer r.serving.Done()
			if err := serve(session, stream); err != nil && !errors.Is(err, yamux.ErrConnectionReset) {
				r.fail(err)
			}
			atomic.AddInt64(&r.Served, 1)
		}()
	}
}

func pings(session *yamux.Session, count uint64, r *result) {
	for i := uint64(0); i < count; i++ {
		if _, err := session.Ping(); err != nil {
			r.fail(err)
			return
		}
		r.Good++
	}
}

func run(conn net.Conn, client bool, scenario string, count, size uint64) (*result, error) {
	config := yamux.DefaultConfig()
	config.LogOutput = os.Stderr
	config.StreamCloseTimeout = 300 * time.Millisecond
	if scenario != "late" {
		config.StreamCloseTimeout = time.Minute
	}
	begin := yamux.Server
	if client {
		begin = yamux.Client
	}
	session, err := begin(conn, config)
	if err != nil {
		return nil, err
	}
	r := &result{Failures: []string{}}
	go acceptAll(session, r)
	switch scenario {
	case "serve":
	case "ping":
		pings(session, count, r)
	default:
		openAll(session, scenario, count, size, r)
	}
	// Until the test has what it wants: to close drops what is under way to the other side.
	io.Copy(io.Discard, os.Stdin)
	r.settle()
	if session.IsClosed() {
		r.fail(errors.New("the session was closed"))
	}
	return r, session.Close()
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: yamux_peer client|server PORT SCENARIO [COUNT BYTES]")
		os.Exit(2)
	}
	client, scenario := os.Args[1] == "client", os.Args[3]
	count, size := uint64(1), uint64(0)
	if len(os.Args) > 5 {
		count, _ = strconv.ParseUint(os.Args[4], 10, 64)
		size, _ = strconv.ParseUint(os.Args[5], 10, 64)
	}
	conn, err := net.Dial("tcp", "127.0.0.1:"+os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var out any
	if len(scenario) > 4 && scenario[:4] == "raw-" {
		out = runRaw(conn, client, scenario[4:])
	} else if out, err = run(conn, client, scenario, count, size); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
