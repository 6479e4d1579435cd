package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"sync"

	"github.com/gobwas/ws"
)

const messageBytesMax = 65536

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}

// user is one connection. While nothing is to be read or written it has neither buffer nor goroutine.
type user struct {
	server     *server
	connection net.Conn
	descriptor int
	channels   []string

	lock    sync.Mutex
	waiting [][]byte
	writing bool
	closed  bool
}

// receive reads all that has come, then waits for more in epoll.
func (u *user) receive() {
	reader := readers.Get().(*bufio.Reader)
	reader.Reset(u.connection)
	defer func() {
		reader.Reset(nil)
		readers.Put(reader)
	}()
	for {
		if err := u.take(reader); err != nil {
			u.close()
			return
		}
		if reader.Buffered() == 0 {
			break
		}
	}
	if err := u.server.poller.resume(u); err != nil {
		u.close()
	}
}

func (u *user) take(reader *bufio.Reader) error {
	header, err := ws.ReadHeader(reader)
	if err != nil {
		return err
	}
	if header.Length > messageBytesMax || !header.Fin {
		return fmt.Errorf("a message of %d bytes", header.Length)
	}
	payload := make([]byte, header.Length)
	for got := 0; got < len(payload); {
		more, err := reader.Read(payload[got:])
		if err != nil {
			return err
		}
		got += more
	}
	if header.Masked {
		ws.Cipher(payload, header.Mask, 0)
	}
	switch header.OpCode {
	case ws.OpText, ws.OpBinary:
		return u.answer(payload)
	case ws.OpPing:
		u.reply(ws.MustCompileFrame(ws.NewPongFrame(payload)))
	case ws.OpClose:
		return net.ErrClosed
	}
	return nil
}

type command struct {
	ID        uint32           `json:"id"`
	Connect   *json.RawMessage `json:"connect"`
	Subscribe *struct {
		Channel string `json:"channel"`
	} `json:"subscribe"`
}

func (u *user) answer(message []byte) error {
	var replies []byte
	for line := range bytes.Lines(message) {
		var said command
		if err := json.Unmarshal(line, &said); err != nil {
			return err
		}
		switch {
		case said.Connect != nil:
			replies = fmt.Appendf(replies, `{"id":%d,"connect":{"client":"%p","version":"gobwas"}}`+"\n", said.ID, u)
		case said.Subscribe != nil:
			u.server.hub.subscribe(said.Subscribe.Channel, u)
			replies = fmt.Appendf(replies, `{"id":%d,"subscribe":{}}`+"\n", said.ID)
		case said.ID != 0:
			replies = fmt.Appendf(replies, `{"id":%d,"error":{"code":108,"message":"not available"}}`+"\n", said.ID)
		}
	}
	if len(replies) > 0 {
		u.reply(ws.MustCompileFrame(ws.NewTextFrame(replies[:len(replies)-1])))
	}
	return nil
}

// queue reports whether the caller has to see to it that the queue is written.
func (u *user) queue(frame []byte) bool {
	u.lock.Lock()
	defer u.lock.Unlock()
	if u.closed || len(u.waiting) >= u.server.queueMax {
		u.connection.Close() // its reader finds out
		return false
	}
	u.waiting = append(u.waiting, frame)
	begin := !u.writing
	u.writing = true
	return begin
}

// send leaves the frame to a goroutine of the pool, which is the user's writer for as long as there is something to write.
func (u *user) send(frame []byte) {
	if u.queue(frame) {
		u.server.pool.schedule(u.flush)
	}
}

// reply is for who is in a goroutine of the pool already, and must not wait for another one.
func (u *user) reply(frame []byte) {
	if u.queue(frame) {
		u.flush()
	}
}

func (u *user) flush() {
	for {
		u.lock.Lock()
		frames := net.Buffers(u.waiting)
		u.waiting = nil
		u.writing = len(frames) > 0
		u.lock.Unlock()
		if len(frames) == 0 {
			return
		}
		if _, err := frames.WriteTo(u.connection); err != nil {
			u.connection.Close()
			return
		}
	}
}

func (u *user) close() {
	u.lock.Lock()
	u.closed = true
	u.lock.Unlock()
	u.server.hub.leave(u)
	u.server.poller.remove(u)
	u.connection.Close()
}
