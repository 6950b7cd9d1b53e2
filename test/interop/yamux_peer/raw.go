package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// Frames by hand, for what a library would not send.

const (
	typeData, typeWindow, typePing, typeGoAway = 0, 1, 2, 3
	typeAcknowledge                            = 16
	flagSYN, flagACK, flagFIN, flagRST         = 1, 2, 4, 8
	startWindow                                = 262144
	streamsMax                                 = 1024 // of mux_peer
	crowd                                      = streamsMax + 6
)

func frame(kind, flags int, id, length uint32, payload ...byte) []byte {
	head := make([]byte, 12, 12+len(payload))
	head[1] = byte(kind)
	binary.BigEndian.PutUint16(head[2:], uint16(flags))
	binary.BigEndian.PutUint32(head[4:], id)
	binary.BigEndian.PutUint32(head[8:], length)
	return append(head, payload...)
}

func data(flags int, id uint32, payload string) []byte {
	return frame(typeData, flags, id, uint32(len(payload)), []byte(payload)...)
}

// rawResult is what came back, as far as the test wants to know.
type rawResult struct {
	GoAway  int    `json:"go_away"` // its code; -1: none came
	Closed  bool   `json:"closed"`
	Pong    bool   `json:"pong"`
	Resets  int    `json:"resets"`
	Data    string `json:"data"`
	Message string `json:"message,omitempty"`
}

// readFrames reads until the connection ends, the pong to ping 77 and so many resets came, or ten
// seconds are over. Pings overtake everything else.
func readFrames(conn net.Conn, result *rawResult, resets int) {
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	head := make([]byte, 12)
	for {
		if _, err := io.ReadFull(conn, head); err != nil {
			timeout, ok := err.(net.Error)
			result.Closed = !ok || !timeout.Timeout()
			return
		}
		flags, length := binary.BigEndian.Uint16(head[2:]), binary.BigEndian.Uint32(head[8:])
		switch head[1] {
		case typeData:
			payload := make([]byte, length)
			if _, err := io.ReadFull(conn, payload); err != nil {
				result.Closed = true
				return
			}
			result.Data += string(payload)
		case typePing:
			if flags&flagSYN != 0 {
				conn.Write(frame(typePing, flagACK, 0, length))
			} else if length == 77 {
				result.Pong = true
			}
		case typeGoAway:
			result.GoAway = int(length)
		}
		if flags&flagRST != 0 && head[1] <= typeWindow {
			result.Resets++
		}
		if result.Pong && result.Resets >= resets {
			return
		}
	}
}

func badVersion() []byte {
	bad := frame(typePing, flagSYN, 0, 1)
	bad[0] = 1
	return bad
}

// script returns the frames of a scenario. first is the id of the first stream that this side may
// open, other one that only the other side may.
func script(name string, first, other uint32) [][]byte {
	ping := frame(typePing, flagSYN, 0, 77)
	hold := data(flagSYN, first, "hold\n")
	switch name {
	case "window":
		return [][]byte{hold, frame(typeData, 0, first, startWindow, make([]byte, startWindow)...)}
	case "credit":
		return [][]byte{hold, frame(typeWindow, 0, first, 1<<31-1), frame(typeWindow, 0, first, 1<<31-1)}
	case "version":
		return [][]byte{badVersion()}
	case "type":
		return [][]byte{frame(9, 0, 0, 0)}
	case "acknowledge":
		return [][]byte{frame(typeAcknowledge, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0)}
	case "exists":
		return [][]byte{hold, frame(typeWindow, flagSYN, first, 0)}
	case "parity":
		return [][]byte{data(flagSYN, other, "hold\n")}
	case "zero":
		return [][]byte{data(flagSYN, 0, "hold\n")}
	case "closed":
		return [][]byte{data(flagSYN|flagFIN, first, "hold\n"), data(0, first, "more")}
	case "told":
		return [][]byte{frame(typeGoAway, 0, 0, 1)}
	case "unknown":
		return [][]byte{data(0, first+200, "nobody wants this"), frame(typeWindow, 0, first+200, 5),
			frame(typeWindow, flagFIN, first+202, 0), frame(typeWindow, flagRST, first+204, 0), ping}
	case "reset":
		return [][]byte{hold, data(flagRST, first, ""), data(0, first, "late"), ping}
	case "crowd":
		var all [][]byte
		for i := uint32(0); i < crowd; i++ {
			all = append(all, data(flagSYN, first+2*i, "hold\n"))
		}
		return append(all, ping)
	case "torn":
		var all [][]byte
		for _, b := range append(data(flagSYN, first, "echo\nhello"), data(flagFIN, first, " there")...) {
			all = append(all, []byte{b})
		}
		return append(all, frame(typePing, flagSYN, 0, 77))
	}
	return nil
}

// runRaw plays a scenario against the session at the other end.
func runRaw(conn net.Conn, client bool, name string) rawResult {
	result := rawResult{GoAway: -1}
	first, other := uint32(2), uint32(1)
	if client {
		first, other = other, first
	}
	frames := script(name, first, other)
	if frames == nil {
		result.Message = fmt.Sprintf("there is no scenario %q", name)
		return result
	}
	go func() {
		for _, piece := range frames {
			if _, err := conn.Write(piece); err != nil {
				return
			}
		}
	}()
	resets := 0
	if name == "crowd" {
		resets = crowd - streamsMax
	}
	readFrames(conn, &result, resets)
	return result
}
