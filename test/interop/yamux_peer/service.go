package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/hashicorp/yamux"
)

// byteAt gives the bytes that both sides can work out; see mux_peer.c.
func byteAt(seed, at uint64) byte {
	return byte(uint32(at+seed*7919) * 2654435761 >> 24)
}

// source reads as the bytes of a seed.
type source struct{ seed, at, left uint64 }

func (s *source) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if uint64(len(b)) > s.left {
		b = b[:s.left]
	}
	for i := range b {
		b[i] = byteAt(s.seed, s.at+uint64(i))
	}
	s.at += uint64(len(b))
	s.left -= uint64(len(b))
	return len(b), nil
}

// sink compares what is written to it with the bytes of a seed.
type sink struct{ seed, at uint64 }

var errDiffers = errors.New("bytes differ")

func (s *sink) Write(b []byte) (int, error) {
	for i := range b {
		if b[i] != byteAt(s.seed, s.at+uint64(i)) {
			return i, errDiffers
		}
	}
	s.at += uint64(len(b))
	return len(b), nil
}

// serve does what the first line of a stream asks for; mux_peer.c lists the words.
func serve(session *yamux.Session, stream *yamux.Stream) error {
	in := bufio.NewReaderSize(stream, 65536)
	line, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	words := append(strings.Fields(line), "0", "0")
	seed, _ := strconv.ParseUint(words[1], 10, 64)
	count, _ := strconv.ParseUint(words[2], 10, 64)
	switch words[0] {
	case "echo":
		if _, err = io.Copy(stream, in); err == nil {
			err = stream.Close()
		}
	case "sink":
		got := &sink{seed: seed}
		if _, err = io.Copy(got, in); err == nil {
			_, err = fmt.Fprintf(stream, "%d ok\n", got.at)
		} else if errors.Is(err, errDiffers) {
			fmt.Fprintf(stream, "bad\n")
		}
		stream.Close()
	case "source":
		if _, err = io.Copy(stream, &source{seed: seed, left: count}); err == nil {
			stream.Close()
			_, err = io.Copy(io.Discard, in)
		}
	case "reset":
		// The library resets by itself only: a stream that was closed here and is not closed there.
		stream.Close()
	case "hold":
	case "goaway":
		if err = session.GoAway(); err == nil {
			_, err = fmt.Fprintf(stream, "ok\n")
		}
		stream.Close()
	default:
		return fmt.Errorf("what is %q?", line)
	}
	return err
}
