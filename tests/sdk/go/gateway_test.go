// What the Go tests share: a gateway of their own, tokens, a queue of events, and a line that can be cut.
package sdk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/centrifugal/centrifuge-go"
	"github.com/golang-jwt/jwt/v5"
)

const (
	secret = "a secret of these tests, of 32 bytes and more"
	apiKey = "open-sesame"
	limit  = 20 * time.Second
)

type gateway struct {
	ports map[string]string
}

// startGateway starts one, until the test ends.
func startGateway(t *testing.T) *gateway {
	t.Helper()
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	binary := os.Getenv("GATEWAY_BINARY")
	if binary == "" {
		binary = "../../../build/release/app/carillon"
	}
	command := exec.Command(binary, "--config", "../carillon.toml", "--bus-listen", "off", "--shards", "2",
		"--client-listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0", "--drain-window-ms", "0",
		"--token-hmac-secret-file", file("secret", secret), "--api-key-file", file("api-key", apiKey))
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	made := &gateway{ports: map[string]string{}}
	door := regexp.MustCompile(`listening on \S+:(\d+) \((\w+)\)`)
	lines := bufio.NewScanner(output)
	var log strings.Builder
	for ready := false; !ready; {
		if !lines.Scan() {
			t.Fatalf("the gateway ended:\n%s", log.String())
		}
		log.WriteString(lines.Text() + "\n")
		if found := door.FindStringSubmatch(lines.Text()); found != nil {
			made.ports[found[2]] = found[1]
		}
		ready = strings.Contains(lines.Text(), "is ready")
	}
	read := make(chan struct{})
	go func() {
		io.Copy(io.Discard, output)
		close(read)
	}()
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(limit, func() { command.Process.Kill() })
		defer late.Stop()
		<-read
		if err := command.Wait(); err != nil {
			t.Errorf("the gateway: %v", err)
		}
	})
	return made
}

func (g *gateway) address() string { return "127.0.0.1:" + g.ports["client"] }

// api makes one call of the server API; its result.
func (g *gateway) api(t *testing.T, method string, params map[string]any) map[string]any {
	t.Helper()
	body, _ := json.Marshal(params)
	request, _ := http.NewRequest("POST", "http://127.0.0.1:"+g.ports["control"]+"/api/"+method, bytes.NewReader(body))
	request.Header.Set("X-API-Key", apiKey)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var reply struct {
		Result map[string]any
		Error  any
	}
	if err := json.NewDecoder(answer.Body).Decode(&reply); err != nil || reply.Error != nil {
		t.Fatalf("%s: %v %v", method, err, reply.Error)
	}
	return reply.Result
}

// token makes one as a back end does.
func token(claims jwt.MapClaims) string { return signed(secret, claims) }

func signed(with string, claims jwt.MapClaims) string {
	all := jwt.MapClaims{"sub": "42"}
	for name, value := range claims {
		all[name] = value
	}
	made, err := jwt.NewWithClaims(jwt.SigningMethodHS256, all).SignedString([]byte(with))
	if err != nil {
		panic(err)
	}
	return made
}

var channels atomic.Int64

func fresh(namespace string) string { return fmt.Sprintf("%s:%d", namespace, channels.Add(1)) }

// event is what a client or a subscription has told.
type event struct {
	name      string
	channel   string
	code      uint32
	reason    string
	data      []byte
	offset    uint64
	tags      map[string]string
	info      *centrifuge.ClientInfo
	recovered bool
}

type events chan event

// next is the next one of these; others are skipped.
func (e events) next(t *testing.T, names ...string) event {
	t.Helper()
	late := time.After(limit)
	for {
		select {
		case got := <-e:
			for _, name := range names {
				if got.name == name {
					return got
				}
			}
		case <-late:
			t.Fatalf("there was no %v", names)
		}
	}
}

func publication(channel string, got centrifuge.Publication) event {
	return event{name: "publication", channel: channel, data: got.Data, offset: got.Offset, tags: got.Tags, info: got.Info}
}

// talk is a test's clients: all of one encoding.
type talk struct {
	*testing.T
	g        *gateway
	protobuf bool
}

func (t *talk) client(address string, protobuf bool, settings centrifuge.Config) (*centrifuge.Client, events) {
	create := centrifuge.NewJsonClient
	if protobuf {
		create = centrifuge.NewProtobufClient
	}
	settings.MinReconnectDelay = 20 * time.Millisecond
	settings.MaxReconnectDelay = 200 * time.Millisecond
	made := create("ws://"+address+"/connection/websocket", settings)
	heard := make(events, 1000)
	made.OnConnecting(func(e centrifuge.ConnectingEvent) {
		heard <- event{name: "connecting", code: e.Code, reason: e.Reason}
	})
	made.OnConnected(func(e centrifuge.ConnectedEvent) { heard <- event{name: "connected", reason: e.Version} })
	made.OnDisconnected(func(e centrifuge.DisconnectedEvent) {
		heard <- event{name: "disconnected", code: e.Code, reason: e.Reason}
	})
	made.OnSubscribed(func(e centrifuge.ServerSubscribedEvent) {
		heard <- event{name: "subscribed", channel: e.Channel, data: e.Data, recovered: e.Recovered}
	})
	made.OnUnsubscribed(func(e centrifuge.ServerUnsubscribedEvent) {
		heard <- event{name: "unsubscribed", channel: e.Channel}
	})
	made.OnPublication(func(e centrifuge.ServerPublicationEvent) { heard <- publication(e.Channel, e.Publication) })
	t.Cleanup(made.Close)
	return made, heard
}

func (t *talk) connect(made *centrifuge.Client) {
	t.Helper()
	if err := made.Connect(); err != nil {
		t.Fatal(err)
	}
}

func (t *talk) connected(claims jwt.MapClaims) (*centrifuge.Client, events) {
	t.Helper()
	made, heard := t.client(t.g.address(), t.protobuf, centrifuge.Config{Token: token(claims)})
	t.connect(made)
	heard.next(t.T, "connected")
	return made, heard
}

func (t *talk) subscribe(made *centrifuge.Client, channel string,
	settings centrifuge.SubscriptionConfig) (*centrifuge.Subscription, events) {
	t.Helper()
	settings.MinResubscribeDelay = 20 * time.Millisecond
	subscription, err := made.NewSubscription(channel, settings)
	if err != nil {
		t.Fatal(err)
	}
	heard := make(events, 1000)
	subscription.OnSubscribed(func(e centrifuge.SubscribedEvent) {
		heard <- event{name: "subscribed", data: e.Data, recovered: e.Recovered}
	})
	subscription.OnUnsubscribed(func(e centrifuge.UnsubscribedEvent) {
		heard <- event{name: "unsubscribed", code: e.Code, reason: e.Reason}
	})
	subscription.OnPublication(func(e centrifuge.PublicationEvent) { heard <- publication(channel, e.Publication) })
	subscription.OnJoin(func(e centrifuge.JoinEvent) { heard <- event{name: "join", info: &e.ClientInfo} })
	subscription.OnLeave(func(e centrifuge.LeaveEvent) { heard <- event{name: "leave", info: &e.ClientInfo} })
	if err := subscription.Subscribe(); err != nil {
		t.Fatal(err)
	}
	return subscription, heard
}

func (t *talk) subscribed(made *centrifuge.Client, channel string,
	settings centrifuge.SubscriptionConfig) (*centrifuge.Subscription, events) {
	t.Helper()
	subscription, heard := t.subscribe(made, channel, settings)
	heard.next(t.T, "subscribed")
	return subscription, heard
}

// line is a way to the gateway that can be cut and mended, as networks do.
type line struct {
	listener net.Listener
	to       string
	mutex    sync.Mutex
	broken   bool
	open     []net.Conn
}

func newLine(t *testing.T, to string) *line {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	made := &line{listener: listener, to: to}
	t.Cleanup(func() { listener.Close(); made.cut() })
	go func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			made.carry(here)
		}
	}()
	return made
}

func (l *line) carry(here net.Conn) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	there, err := net.Dial("tcp", l.to)
	if l.broken || err != nil {
		here.Close()
		return
	}
	l.open = append(l.open, here, there)
	go func() { io.Copy(there, here); there.Close() }()
	go func() { io.Copy(here, there); here.Close() }()
}

func (l *line) cut() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.broken = true
	for _, each := range l.open {
		each.Close()
	}
	l.open = nil
}

func (l *line) mend() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.broken = false
}
