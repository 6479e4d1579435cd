// The unmodified Go SDK, in JSON and in protobuf, with tokens that golang-jwt makes.
package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/centrifugal/centrifuge-go"
	"github.com/golang-jwt/jwt/v5"
)

const longOver = 1_000_000_000

func TestConversations(t *testing.T) {
	conversations := map[string]func(*talk){
		"a token lets its user in":                    letsIn,
		"tokens are fetched":                          fetches,
		"tokens are shown anew before their end":      refreshes,
		"who is refused gets the documented code":     refusesConnections,
		"a subscription token opens what is closed":   opens,
		"subscriptions are refused":                   refusesSubscriptions,
		"somebody else's token ends the connection":   endsForSomebodyElses,
		"the server subscribes and unsubscribes":      serverSide,
		"a client is unsubscribed by the server":      shownOut,
		"what the API publishes reaches all":          reachesAll,
		"what a client publishes says who it was":     saysWho,
		"what may not be done":                        mayNot,
		"history comes in pages both ways":            pages,
		"after a cut comes what was missed":           recovers,
		"who has missed too much is told":             cannotRecover,
		"a state is loaded anew":                      loadsState,
		"who is there and who comes and goes":         presence,
		"bytes go where the namespace lets them":      carriesBytes,
		"a message that is too large, and a shutdown": ends,
	}
	for _, protobuf := range []bool{false, true} {
		g := startGateway(t)
		for name, converse := range conversations {
			t.Run(fmt.Sprintf("protobuf=%v/%s", protobuf, name), func(t *testing.T) { converse(&talk{t, g, protobuf}) })
		}
	}
}

func (t *talk) expect(got, wanted any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		t.Errorf("%v where there should be %v", got, wanted)
	}
}

func codeOf(err error) uint32 {
	var refused *centrifuge.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}

func background(t *talk) context.Context {
	made, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return made
}

func letsIn(t *talk) {
	made, heard := t.client(t.g.address(), t.protobuf, centrifuge.Config{Token: token(nil)})
	t.connect(made)
	if version := heard.next(t.T, "connected").reason; !strings.HasPrefix(version, "carillon ") {
		t.Error(version)
	}
}

func fetches(t *talk) {
	for _, first := range []string{"", token(jwt.MapClaims{"exp": longOver})} {
		made, heard := t.client(t.g.address(), t.protobuf, centrifuge.Config{Token: first,
			GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) { return token(nil), nil }})
		t.connect(made)
		heard.next(t.T, "connected")
	}
	made, _ := t.connected(nil)
	channel := fresh("order")
	t.subscribed(made, channel, centrifuge.SubscriptionConfig{
		Token: token(jwt.MapClaims{"channel": channel, "exp": longOver}),
		GetToken: func(e centrifuge.SubscriptionTokenEvent) (string, error) {
			return token(jwt.MapClaims{"channel": e.Channel}), nil
		}})
}

func refreshes(t *talk) {
	asked := make(events, 10)
	soon := time.Now().Unix() + 2
	made, heard := t.client(t.g.address(), t.protobuf, centrifuge.Config{Token: token(jwt.MapClaims{"exp": soon}),
		GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) {
			asked <- event{name: "connection"}
			return token(nil), nil
		}})
	t.connect(made)
	heard.next(t.T, "connected")
	channel := fresh("order")
	t.subscribed(made, channel, centrifuge.SubscriptionConfig{Token: token(jwt.MapClaims{"channel": channel, "exp": soon}),
		GetToken: func(e centrifuge.SubscriptionTokenEvent) (string, error) {
			asked <- event{name: "subscription"}
			return token(jwt.MapClaims{"channel": e.Channel}), nil
		}})
	first := asked.next(t.T, "connection", "subscription")
	second := asked.next(t.T, "connection", "subscription")
	t.expect(first.name != second.name, true)
	_, err := made.RPC(background(t), "nothing", []byte("{}")) // an answer to this is one to all before it
	t.expect(codeOf(err), 108)
	t.expect(made.State(), centrifuge.StateConnected)
}

func refusesConnections(t *talk) {
	nine := make([]string, 9)
	for i := range nine {
		nine[i] = fresh("chat")
	}
	for _, each := range []struct {
		what, shown string
		code        uint32
	}{
		{"another secret", signed("another secret of these tests, of 32 bytes", nil), 3500},
		{"no token", "", 3501},
		{"a token for a subscription", token(jwt.MapClaims{"channel": "chat:1"}), 3500},
		{"its connection's time is over", token(jwt.MapClaims{"expire_at": longOver}), 110},
		{"no such namespace", token(jwt.MapClaims{"channels": []string{"nowhere:1"}}), 102},
		{"more channels than may be", token(jwt.MapClaims{"channels": nine}), 3505},
		{"bytes that are no JSON", token(jwt.MapClaims{"b64info": "AAEC"}), 3506},
	} {
		made, heard := t.client(t.g.address(), t.protobuf, centrifuge.Config{Token: each.shown})
		t.connect(made)
		t.expect(each.what+fmt.Sprint(heard.next(t.T, "disconnected").code), each.what+fmt.Sprint(each.code))
	}
	_, heard := t.connected(jwt.MapClaims{"sub": "leaver"})
	t.g.api(t.T, "disconnect", map[string]any{"user": "leaver"})
	t.expect(heard.next(t.T, "disconnected").code, 3503)
}

func opens(t *talk) {
	made, _ := t.connected(nil)
	for _, channel := range []string{fresh("order"), "$" + fresh("chat")} {
		t.subscribed(made, channel, centrifuge.SubscriptionConfig{Token: token(jwt.MapClaims{"channel": channel})})
	}
}

func refusesSubscriptions(t *talk) {
	made, _ := t.connected(nil)
	order := fresh("order")
	for _, each := range []struct {
		what, channel, shown string
		code                 uint32
	}{
		{"no token", order, "", 103},
		{"another secret", order, signed("another secret of these tests, of 32 bytes", jwt.MapClaims{"channel": order}), 103},
		{"a token for a connection", order, token(nil), 103},
		{"no such namespace", "nowhere:1", "", 102},
		{"private", "$chat:1", "", 103},
		{"a long name", "chat:" + strings.Repeat("x", 251), "", 107},
		{"letters beyond ASCII", "chat:é", "", 107},
	} {
		subscription, heard := t.subscribe(made, each.channel, centrifuge.SubscriptionConfig{Token: each.shown})
		t.expect(each.what+fmt.Sprint(heard.next(t.T, "unsubscribed").code), each.what+fmt.Sprint(each.code))
		made.RemoveSubscription(subscription)
	}
	for i := 0; i < 8; i++ {
		t.subscribed(made, fresh("plain"), centrifuge.SubscriptionConfig{})
	}
	_, heard := t.subscribe(made, fresh("plain"), centrifuge.SubscriptionConfig{})
	t.expect(heard.next(t.T, "unsubscribed").code, 106)
}

func endsForSomebodyElses(t *talk) {
	for _, claims := range []jwt.MapClaims{{"sub": "43", "channel": "order:1"}, {"channel": "order:2"},
		{"channel": "order:1", "client": "another"}} {
		made, heard := t.connected(nil)
		t.subscribe(made, "order:1", centrifuge.SubscriptionConfig{Token: token(claims)})
		t.expect(heard.next(t.T, "disconnected").code, 3500)
	}
}

func serverSide(t *talk) {
	mine, other := fresh("chat"), fresh("chat")
	user := fmt.Sprint("guided-", t.protobuf)
	made, heard := t.client(t.g.address(), t.protobuf,
		centrifuge.Config{Token: token(jwt.MapClaims{"sub": user, "channels": []string{mine}})})
	t.connect(made)
	t.expect(heard.next(t.T, "subscribed").channel, mine)
	t.g.api(t.T, "subscribe", map[string]any{"user": user, "channel": other, "data": map[string]any{"seat": 7}})
	given := heard.next(t.T, "subscribed")
	t.expect(given.channel+string(given.data), other+`{"seat":7}`)
	t.g.api(t.T, "broadcast", map[string]any{"channels": []string{mine, other}, "data": "both"})
	t.expect(heard.next(t.T, "publication").channel != heard.next(t.T, "publication").channel, true)
	t.g.api(t.T, "unsubscribe", map[string]any{"user": user, "channel": other})
	t.expect(heard.next(t.T, "unsubscribed").channel, other)
}

func shownOut(t *talk) {
	user, channel := fmt.Sprint("shown-out-", t.protobuf), fresh("chat")
	made, _ := t.connected(jwt.MapClaims{"sub": user})
	_, heard := t.subscribed(made, channel, centrifuge.SubscriptionConfig{})
	t.g.api(t.T, "unsubscribe", map[string]any{"user": user, "channel": channel})
	t.expect(heard.next(t.T, "unsubscribed").code, 2000)
}

func reachesAll(t *talk) {
	channel := fresh("chat")
	var all []events
	for _, protobuf := range []bool{false, true} {
		made, _ := (&talk{t.T, t.g, protobuf}).connected(nil)
		_, heard := t.subscribed(made, channel, centrifuge.SubscriptionConfig{})
		all = append(all, heard)
	}
	t.g.api(t.T, "publish", map[string]any{"channel": channel, "data": map[string]any{"text": "café ☕"},
		"tags": map[string]string{"a": "b"}})
	for _, heard := range all {
		got := heard.next(t.T, "publication")
		t.expect([]any{string(got.data), got.offset, got.tags["a"]}, []any{`{"text":"café ☕"}`, 1, "b"})
	}
}

func saysWho(t *talk) {
	channel := fresh("chat")
	speaker, _ := t.connected(jwt.MapClaims{"sub": "7", "info": map[string]string{"name": "Ann"}})
	mine, byMe := t.subscribed(speaker, channel, centrifuge.SubscriptionConfig{})
	listener, _ := (&talk{t.T, t.g, !t.protobuf}).connected(nil)
	_, heard := t.subscribed(listener, channel, centrifuge.SubscriptionConfig{})
	if _, err := mine.Publish(background(t), []byte(`{"text":"hi"}`)); err != nil {
		t.Fatal(err)
	}
	for _, each := range []events{byMe, heard} {
		got := each.next(t.T, "publication")
		t.expect(string(got.data)+got.info.User+string(got.info.ConnInfo), `{"text":"hi"}7{"name":"Ann"}`)
	}
}

func mayNot(t *talk) {
	made, _ := t.connected(nil)
	chat, plain := fresh("chat"), fresh("plain")
	t.subscribed(made, plain, centrifuge.SubscriptionConfig{})
	publish := func(channel string) error { _, err := made.Publish(background(t), channel, []byte("1")); return err }
	history := func(channel string) error { _, err := made.History(background(t), channel); return err }
	presence := func(channel string) error { _, err := made.Presence(background(t), channel); return err }
	for _, each := range []struct {
		what string
		ask  func(string) error
		of   string
		code uint32
	}{
		{"publish, not subscribed", publish, chat, 103}, {"publish where clients may not", publish, plain, 103},
		{"publish to no namespace", publish, "nowhere:1", 102}, {"history where nothing is kept", history, plain, 108},
		{"history, not subscribed", history, chat, 103}, {"presence where it is not known", presence, plain, 108},
		{"presence, not subscribed", presence, chat, 103},
	} {
		t.expect(each.what+fmt.Sprint(codeOf(each.ask(each.of))), each.what+fmt.Sprint(each.code))
	}
}

func carriesBytes(t *talk) {
	if !t.protobuf {
		t.Skip("JSON has no bytes")
	}
	made, _ := t.connected(nil)
	subscription, heard := t.subscribed(made, fresh("raw"), centrifuge.SubscriptionConfig{})
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	if _, err := subscription.Publish(background(t), all); err != nil {
		t.Fatal(err)
	}
	t.expect(heard.next(t.T, "publication").data, all)
}

func ends(t *talk) {
	made, heard := t.connected(nil)
	subscription, _ := t.subscribed(made, fresh("chat"), centrifuge.SubscriptionConfig{})
	large, _ := json.Marshal(strings.Repeat("x", 70_000))
	subscription.Publish(background(t), large)
	t.expect(heard.next(t.T, "disconnected", "connecting").code, 3) // what the SDK makes of 1009
}
