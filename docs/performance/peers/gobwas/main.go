// A WebSocket server as the article "A million WebSockets and Go" builds it, for docs/performance/measure.sh: epoll instead of a reader
// for each connection, a bounded pool of goroutines instead of a writer for each, and gobwas/ws, whose upgrade copies nothing.
//
//	gobwas [-client ADDRESS] [-control ADDRESS] [-pool GOROUTINES] [-queue FRAMES]
//
// It says as much of the Centrifuge protocol as the load generator needs: connect and subscribe. Published is with
// POST /api/publish {"channel":...,"data":...} on the control address. As little as a server can do: it sends no pings, has no time-outs
// and asks nobody who he is.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"

	"github.com/gobwas/ws"
)

const publicationBytesMax = 1 << 20

func main() {
	client := flag.String("client", "127.0.0.1:8000", "where clients connect")
	control := flag.String("control", "127.0.0.1:9000", "where publications come in")
	goroutines := flag.Int("pool", 128, "goroutines that read and write")
	queue := flag.Int("queue", 1024, "frames that may wait for one client; with one more it is closed")
	flag.Parse()

	poller, err := newPoller()
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *client)
	if err != nil {
		log.Fatal(err)
	}
	server := &server{hub: newHub(), pool: newPool(*goroutines), poller: poller, queueMax: *queue}
	go poller.run(func(who *user) { server.pool.schedule(who.receive) })
	go server.accept(listener)

	http.HandleFunc("POST /api/publish", server.publish)
	log.Fatal(http.ListenAndServe(*control, nil))
}

type server struct {
	hub      *hub
	pool     *pool
	poller   *poller
	queueMax int
}

// While no goroutine of the pool is free, new connections stay in the kernel's backlog.
func (s *server) accept(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Print(err)
			continue
		}
		s.pool.schedule(func() { s.upgrade(connection) })
	}
}

func (s *server) upgrade(connection net.Conn) {
	if _, err := ws.Upgrade(connection); err != nil {
		connection.Close()
		return
	}
	who := &user{server: s, connection: connection}
	if err := s.poller.add(who); err != nil {
		connection.Close()
	}
}

func (s *server) publish(answer http.ResponseWriter, request *http.Request) {
	var publication struct {
		Channel string          `json:"channel"`
		Data    json.RawMessage `json:"data"`
	}
	body := http.MaxBytesReader(answer, request.Body, publicationBytesMax)
	if err := json.NewDecoder(body).Decode(&publication); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	name, _ := json.Marshal(publication.Channel)
	push := make([]byte, 0, len(name)+len(publication.Data)+40)
	push = append(push, `{"push":{"channel":`...)
	push = append(push, name...)
	push = append(push, `,"pub":{"data":`...)
	push = append(push, publication.Data...)
	push = append(push, `}}}`...)
	s.hub.deliver(publication.Channel, ws.MustCompileFrame(ws.NewTextFrame(push)))
	answer.Write([]byte(`{"result":{}}`))
}
