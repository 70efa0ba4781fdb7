package leaf

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// shared is an outbox with two messages, and a consumer in account Store that has got
// them and acknowledged nothing: it returns where to acknowledge the first. A peer that
// guesses all that can be guessed knows the subject.
func shared(t *testing.T, change func(*Spec)) (n *node, js jetstream.JetStream, acknowledge string) {
	t.Helper()
	n = start(t, "clue-1", func(s *Spec) {
		withOutbox(t)(s)
		if change != nil {
			change(s)
		}
	})
	js = n.stream(t)
	n.store(t, "1", "2")
	batch, err := makeConsumer(t, js).Fetch(2, jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	for message := range batch.Messages() {
		if acknowledge == "" {
			acknowledge = message.Reply()
		}
	}
	return n, js, acknowledge
}

// requests are those that would change an outbox, or read it.
func requests(acknowledge string) map[string]string {
	return map[string]string{
		"$JS.API.STREAM.DELETE.OUTBOX":          "",
		"$JS.API.STREAM.PURGE.OUTBOX":           "",
		"$JS.API.STREAM.UPDATE.OUTBOX":          `{"name":"OUTBOX","subjects":["a"]}`,
		"$JS.API.STREAM.SNAPSHOT.OUTBOX":        `{"deliver_subject":"mesh.to.score-1.clue-1"}`,
		"$JS.API.STREAM.MSG.GET.OUTBOX":         `{"seq":1}`,
		"$JS.API.STREAM.MSG.DELETE.OUTBOX":      `{"seq":1}`,
		"$JS.API.CONSUMER.DELETE.OUTBOX.kept":   "",
		"$JS.API.CONSUMER.MSG.NEXT.OUTBOX.kept": "1",
		"$JS.clue-1.API.STREAM.DELETE.OUTBOX":   "",
		acknowledge:                             "+ACK",
		acknowledge + ".x":                      "+NXT",
		"$JS.FC.OUTBOX.kept.x":                  "",
		solved + ".t1":                          "forged",
	}
}

// answers are where an attacker has answers sent: to itself, or to JetStream, which
// would take them for requests.
var answers = []string{ToReader("score-1", "clue-1"), "$JS.API.STREAM.DELETE.OUTBOX", "$JS.API.STREAM.PURGE.OUTBOX"}

// No peer reaches the outbox over its link, not even by the subjects that nats-server
// exempts from permissions.
func TestRogueReaderAtTheOutbox(t *testing.T) {
	score := start(t, "score-1", nil)
	clue, js, acknowledge := shared(t, func(s *Spec) { s.Importers = []Importer{score.importer()} })
	for subject, body := range requests(acknowledge) {
		for _, answer := range answers {
			r := dialRogue(t, clue.ListenAddr(), score.seed)
			r.login(t, "score-1")
			r.send(t, "LS+ %s", answers[0])
			r.sync(t)
			r.send(t, "LMSG %s %s %d\r\n%s", subject, answer, len(body), body)
			var got string
			if strings.HasPrefix(subject, "$JS.ACK.") { // exempt from permissions
				got = r.sync(t)
			} else if got = r.closed(t); !strings.Contains(got, "Permissions Violation") {
				t.Errorf("%s: %q", subject, got)
			}
			if strings.Contains(got, "LMSG") {
				t.Errorf("%s is answered: %q", subject, got)
			}
		}
	}
	untouched(t, js)
}

// Nor does an exporter, which no permission of ours binds.
func TestRogueExporterAtTheOutbox(t *testing.T) {
	clue, js, acknowledge := shared(t, nil)
	rogue := startRogueExporter(t, "hunt-1", clue)
	if err := clue.Link([]Remote{rogue.remote()}, nil); err != nil {
		t.Fatal(err)
	}
	box := clue.toExporter(t, "hunt-1").hear(t, ">")
	rogue.awaitInterest(t, ToReader("clue-1", "hunt-1"))
	for subject, body := range requests(acknowledge) {
		for _, answer := range answers {
			if err := rogue.conn.PublishMsg(&nats.Msg{Subject: subject, Reply: answer, Data: []byte(body)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(t, rogue.conn, ToReader("clue-1", "hunt-1"), "end") // comes after all that
	box.await(t, ToReader("clue-1", "hunt-1")+" end")
	untouched(t, js)
}

// untouched: the outbox is as shared made it.
func untouched(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	stream, err := js.Stream(timeout(t), Stream)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.Consumer(timeout(t), Stream, "kept")
	if err != nil {
		t.Fatal(err)
	}
	state, info := stream.CachedInfo().State, consumer.CachedInfo()
	if state.Msgs != 2 || state.LastSeq != 2 || state.Consumers != 1 || info.NumAckPending != 2 || info.NumWaiting != 0 {
		t.Errorf("the outbox was changed: %+v %+v", state, info)
	}
}
