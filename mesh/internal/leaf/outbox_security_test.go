package leaf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

const huntKept = "hunt-clue_clue_solved"

// shared is an outbox with two messages, and a consumer of hunt that has got them and
// acknowledged nothing. score may have a consumer of its own.
func shared(t *testing.T) (clue, score *node, js jetstream.JetStream) {
	t.Helper()
	score = start(t, "score-1", nil)
	hunt := start(t, "hunt-1", nil)
	clue = start(t, "clue-1", withOutbox(t))
	if err := clue.Link(nil, []Importer{score.consumer(kept), hunt.consumer(huntKept)}); err != nil {
		t.Fatal(err)
	}
	js = clue.stream(t)
	clue.store(t, "1", "2")
	batch, err := makeConsumer(t, js, durable(huntKept)).Fetch(2)
	if err != nil {
		t.Fatal(err)
	}
	for range batch.Messages() {
	}
	return clue, score, js
}

// What an importer may not ask of the outbox ends its link and has no effect.
func TestRogueAtTheOutbox(t *testing.T) {
	clue, score, js := shared(t)
	create := func(name string) string {
		return fmt.Sprintf(`{"stream_name":"OUTBOX","config":{"name":%q,"durable_name":%[1]q,"ack_policy":"none","filter_subject":"clue.clue.solved.*"}}`, name)
	}
	api := "$JS.clue-1.API."
	for _, request := range []struct{ subject, body string }{
		{api + "STREAM.DELETE.OUTBOX", ""},
		{api + "STREAM.PURGE.OUTBOX", ""},
		{api + "STREAM.UPDATE.OUTBOX", `{"name":"OUTBOX","subjects":["a"]}`},
		{api + "STREAM.CREATE.OTHER", `{"name":"OTHER","subjects":["a"]}`},
		{api + "STREAM.SNAPSHOT.OUTBOX", `{"deliver_subject":"mesh.inbox.score-1.x"}`},
		{api + "STREAM.MSG.GET.OUTBOX", `{"seq":1}`},
		{api + "STREAM.MSG.DELETE.OUTBOX", `{"seq":1}`},
		{api + "DIRECT.GET.OUTBOX", `{"seq":1}`},
		{api + "CONSUMER.NAMES.OUTBOX", ""},
		{api + "CONSUMER.LIST.OUTBOX", ""},
		{api + "CONSUMER.INFO.OUTBOX." + huntKept, ""},
		{api + "CONSUMER.MSG.NEXT.OUTBOX." + huntKept, "1"},
		{api + "CONSUMER.CREATE.OUTBOX." + huntKept + ".clue.clue.solved.*", create(huntKept)},
		{api + "CONSUMER.CREATE.OUTBOX", create(huntKept)},
		{api + "CONSUMER.DURABLE.CREATE.OUTBOX." + huntKept, create(huntKept)},
		{api + "CONSUMER.DELETE.OUTBOX." + huntKept, ""},
		{api + "CONSUMER.DELETE.OUTBOX." + kept, ""}, // even its own
		{api + "CONSUMER.PAUSE.OUTBOX." + huntKept, ""},
		{api + "CONSUMER.RESET.OUTBOX." + huntKept, ""},
		{"$JS.API.STREAM.DELETE.OUTBOX", ""}, // without the domain
		{"$JS.API.CONSUMER.MSG.NEXT.OUTBOX." + kept, "1"},
		{"clue.clue.solved.t1", "forged"},
		{"mesh.inbox.hunt-1.x", "forged"},
	} {
		r := dialRogue(t, clue.ListenAddr())
		r.login(t, score.seed, "score-1")
		r.sync(t)
		r.send(t, "LMSG %s mesh.inbox.score-1.r %d\r\n%s", request.subject, len(request.body), request.body)
		if got := r.closed(t); !strings.Contains(got, "Permissions Violation") {
			t.Errorf("%s: %q", request.subject, got)
		}
	}
	untouched(t, js)
}

// A request under a name of its own that means another's consumer is refused.
func TestRogueConsumerUnderItsOwnName(t *testing.T) {
	clue, score, js := shared(t)
	r := dialRogue(t, clue.ListenAddr())
	r.login(t, score.seed, "score-1")
	r.send(t, "LS+ mesh.inbox.score-1.r")
	body := `{"stream_name":"OUTBOX","config":{"name":"` + huntKept + `","durable_name":"` + huntKept + `","ack_policy":"none","filter_subject":"clue.clue.solved.*"}}`
	r.send(t, "LMSG $JS.clue-1.API.CONSUMER.CREATE.OUTBOX.%s.clue.clue.solved.* mesh.inbox.score-1.r %d\r\n%s", kept, len(body), body)
	r.await(t, "LMSG mesh.inbox.score-1.r")
	if got := r.await(t, "{"); !strings.Contains(got, `"error"`) {
		t.Errorf("got %s", got)
	}
	untouched(t, js)
}

// Nobody sees what another importer is delivered.
func TestRogueReadsNoDeliveries(t *testing.T) {
	clue, score, _ := shared(t)
	one := dialRogue(t, clue.ListenAddr())
	one.login(t, score.seed, "score-1")
	one.sync(t)
	one.send(t, "LS+ mesh.inbox.hunt-1.x")
	if got := one.closed(t); !strings.Contains(got, "Permissions Violation") {
		t.Errorf("got %q", got)
	}
	r := dialRogue(t, clue.ListenAddr())
	r.login(t, score.seed, "score-1")
	for _, wide := range []string{">", "mesh.>", "mesh.inbox.*.>", "mesh.inbox.hunt-1.>"} {
		r.send(t, "LS+ %s", wide)
	}
	r.sync(t)
	publish(t, clue.connect(t, Out), "mesh.inbox.hunt-1.x", "a delivery")
	publish(t, clue.connect(t, Out), "$JS.ACK.x", "an acknowledgement")
	if got := r.sync(t); strings.Contains(got, "a delivery") || strings.Contains(got, "an acknowledgement") {
		t.Errorf("got %q", got)
	}
}

// An importer without consumers has no part in the outbox.
func TestNoConsumersNoRights(t *testing.T) {
	clue, _, js := shared(t)
	other := start(t, "other-1", nil)
	if err := clue.Link(nil, []Importer{other.importer()}); err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{"STREAM.INFO.OUTBOX", "CONSUMER.CREATE.OUTBOX.x.clue.clue.solved.*", "CONSUMER.MSG.NEXT.OUTBOX." + huntKept} {
		r := dialRogue(t, clue.ListenAddr())
		r.login(t, other.seed, "other-1")
		r.sync(t)
		r.send(t, "LMSG $JS.clue-1.API.%s 0\r\n", request)
		if got := r.closed(t); !strings.Contains(got, "Permissions Violation") {
			t.Errorf("%s: %q", request, got)
		}
	}
	untouched(t, js)
}

// untouched: the outbox is as shared made it.
func untouched(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	stream, err := js.Stream(timeout(t), Stream)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.Consumer(timeout(t), Stream, huntKept)
	if err != nil {
		t.Fatal(err)
	}
	state, info := stream.CachedInfo().State, consumer.CachedInfo()
	if state.Msgs != 2 || state.Consumers != 1 || info.NumAckPending != 2 || info.Config.AckPolicy != jetstream.AckExplicitPolicy {
		t.Errorf("the outbox was changed: %+v %+v", state, info)
	}
}
