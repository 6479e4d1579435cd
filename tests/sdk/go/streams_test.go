// What was published and who is there, as the Go SDK asks for it.
package sdk

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/centrifugal/centrifuge-go"
	"github.com/golang-jwt/jwt/v5"
)

func pages(t *talk) {
	made, _ := t.connected(nil)
	subscription, _ := t.subscribed(made, fresh("chat"), centrifuge.SubscriptionConfig{})
	for i := 0; i < 5; i++ {
		if _, err := subscription.Publish(background(t), []byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	nothing, err := subscription.History(background(t))
	if err != nil {
		t.Fatal(err)
	}
	t.expect([]any{len(nothing.Publications), nothing.Offset}, []any{0, 5})
	for _, each := range []struct {
		limit   int32
		since   uint64
		reverse bool
		wanted  string
	}{{-1, 0, false, "01234"}, {2, 0, false, "01"}, {2, 0, true, "43"}, {2, 2, false, "23"}, {10, 3, true, "10"}} {
		options := []centrifuge.HistoryOption{
			centrifuge.WithHistoryLimit(each.limit), centrifuge.WithHistoryReverse(each.reverse)}
		if each.since != 0 {
			place := centrifuge.StreamPosition{Offset: each.since, Epoch: nothing.Epoch}
			options = append(options, centrifuge.WithHistorySince(&place))
		}
		page, err := subscription.History(background(t), options...)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, one := range page.Publications {
			got.Write(one.Data)
		}
		t.expect(got.String(), each.wanted)
	}
	elsewhere := centrifuge.StreamPosition{Offset: 1, Epoch: "elsewhere"}
	_, err = subscription.History(background(t), centrifuge.WithHistoryLimit(1), centrifuge.WithHistorySince(&elsewhere))
	t.expect(codeOf(err), 112)
}

func recovers(t *talk) {
	through := newLine(t.T, t.g.address())
	kept, given := fresh("chat"), fresh("chat")
	made, heardByServer := t.client(through.listener.Addr().String(), t.protobuf,
		centrifuge.Config{Token: token(jwt.MapClaims{"channels": []string{given}})})
	t.connect(made)
	heardByServer.next(t.T, "connected")
	_, heard := t.subscribed(made, kept, centrifuge.SubscriptionConfig{})
	publish := func(number int) {
		t.g.api(t.T, "broadcast", map[string]any{"channels": []string{kept, given}, "data": number})
	}
	publish(0)
	heard.next(t.T, "publication")
	heardByServer.next(t.T, "publication")
	through.cut()
	heardByServer.next(t.T, "connecting")
	for number := 1; number <= 5; number++ {
		publish(number)
	}
	through.mend()
	t.expect(heard.next(t.T, "subscribed").recovered, true)
	publish(6)
	for _, each := range []events{heard, heardByServer} {
		var got bytes.Buffer
		for i := 0; i < 6; i++ {
			got.Write(each.next(t.T, "publication").data)
		}
		t.expect(got.String(), "123456")
	}
}

func cannotRecover(t *talk) {
	through := newLine(t.T, t.g.address())
	made, heardByClient := t.client(through.listener.Addr().String(), t.protobuf, centrifuge.Config{Token: token(nil)})
	t.connect(made)
	heardByClient.next(t.T, "connected")
	channel := fresh("chat")
	_, heard := t.subscribed(made, channel, centrifuge.SubscriptionConfig{})
	through.cut()
	heardByClient.next(t.T, "connecting")
	t.g.api(t.T, "publish", map[string]any{"channel": channel, "data": 1})
	t.g.api(t.T, "history_remove", map[string]any{"channel": channel})
	through.mend()
	t.expect(heard.next(t.T, "subscribed").recovered, false)
}

func loadsState(t *talk) {
	channel := fresh("chat")
	t.g.api(t.T, "publish", map[string]any{"channel": channel, "data": "old"})
	epoch := t.g.api(t.T, "history", map[string]any{"channel": channel})["epoch"].(string)
	loaded := 0
	made, _ := t.connected(nil)
	_, heard := t.subscribed(made, channel, centrifuge.SubscriptionConfig{
		GetState: func(centrifuge.SubscriptionGetStateEvent) (centrifuge.StreamPosition, error) {
			loaded++
			if loaded == 1 { // of a stream that is no more, as after a restart; the SDK then asks again
				return centrifuge.StreamPosition{Offset: 1, Epoch: "elsewhere"}, nil
			}
			return centrifuge.StreamPosition{Offset: 1, Epoch: epoch}, nil
		}})
	t.expect(loaded, 2)
	t.g.api(t.T, "publish", map[string]any{"channel": channel, "data": "new"})
	t.expect(string(heard.next(t.T, "publication").data), `"new"`)
}

func presence(t *talk) {
	channel := fresh("chat")
	first, _ := t.connected(jwt.MapClaims{"sub": "1"})
	watched, heard := t.subscribed(first, channel, centrifuge.SubscriptionConfig{JoinLeave: true})
	other := talk{t.T, t.g, !t.protobuf}
	second, _ := other.connected(jwt.MapClaims{"sub": "2", "info": map[string]string{"name": "Bob"}})
	theirs, _ := t.subscribed(second, channel, centrifuge.SubscriptionConfig{})
	came := heard.next(t.T, "join")
	if came.info.User == "1" { // one's own coming is told, too
		came = heard.next(t.T, "join")
	}
	t.expect(came.info.User+string(came.info.ConnInfo), `2{"name":"Bob"}`)
	there, err := watched.Presence(background(t))
	if err != nil {
		t.Fatal(err)
	}
	t.expect(len(there.Clients), 2)
	count, err := watched.PresenceStats(background(t))
	if err != nil {
		t.Fatal(err)
	}
	t.expect(count.PresenceStats, centrifuge.PresenceStats{NumClients: 2, NumUsers: 2})
	theirs.Unsubscribe()
	t.expect(heard.next(t.T, "leave").info.User, "2")
}
