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
		"clue.clue.solved.t1":                   "forged",
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
			r := dialRogue(t, clue.ListenAddr())
			r.login(t, score.seed, "score-1")
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
	box := subscribe(t, clue.connect(t, In), ToReader("clue-1", "hunt-1"), "")
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

// What is said to a reader is heard by that reader alone, and what it says is known to
// be its own.
func TestTalk(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	link(t, clue, score, hunt)
	out := clue.connect(t, Out)
	heard := subscribe(t, out, FromReader("*", "clue-1"), "")
	boxes := map[*node]*inbox{}
	for _, reader := range []*node{score, hunt} {
		in := reader.connect(t, In)
		boxes[reader] = subscribe(t, in, ToReader(reader.name, "clue-1"), "")
		subscribe(t, in, ToReader("score-1", "clue-1"), "") // hunt's is refused
		subscribe(t, in, "mesh.to.>", "")
		reader.ready(t, clue)
		eventually(t, "a way to the exporter", func() bool { _, up := reader.Linked("clue-1"); return up })
		publish(t, in, FromReader(reader.name, "clue-1"), "I am "+reader.name)
		heard.await(t, FromReader(reader.name, "clue-1")+" I am "+reader.name)
		eventually(t, "a way to the reader", func() bool { return clue.Interested(Out, ToReader(reader.name, "clue-1")) })
		publish(t, out, ToReader(reader.name, "clue-1"), "you are "+reader.name)
	}
	publish(t, hunt.connect(t, In), FromReader("score-1", "clue-1"), "I am score-1 too")
	publish(t, hunt.connect(t, In), FromReader("hunt-1", "clue-1"), "end")
	if got := heard.await(t, FromReader("hunt-1", "clue-1")+" end"); len(got) != 3 {
		t.Errorf("the exporter heard %q", got)
	}
	for reader, box := range boxes {
		want := ToReader(reader.name, "clue-1") + " you are " + reader.name
		if got := box.await(t, want); len(got) != 1 {
			t.Errorf("%s heard %q", reader.name, got)
		}
	}
	// A link that comes again is another one.
	before, _ := score.Linked("clue-1")
	for _, l := range clue.inbound() {
		_ = clue.nats.DisconnectClientByID(l.id)
	}
	eventually(t, "no way", func() bool {
		_, up := score.Linked("clue-1")
		return !up && !clue.Interested(Out, ToReader("score-1", "clue-1"))
	})
	eventually(t, "another way", func() bool {
		after, up := score.Linked("clue-1")
		return up && after != before && clue.Interested(Out, ToReader("score-1", "clue-1"))
	})
	if _, up := score.Linked("hunt-1"); up {
		t.Error("linked to a node that is no remote")
	}
	for _, l := range clue.Links() {
		if len(l.Subjects) > 0 {
			t.Errorf("subjects of the link itself are listed: %q", l.Subjects)
		}
	}
}

func TestReaderOf(t *testing.T) {
	for subject, want := range map[string]string{
		FromReader("score-1", "clue-1"): "score-1",
		ToReader("score-1", "clue-1"):   "",
		"mesh.from.":                    "",
		"clue.clue.solved.t1":           "",
	} {
		if got := ReaderOf(subject); got != want {
			t.Errorf("reader of %q: %q, want %q", subject, got, want)
		}
	}
}

// A peer that registers wide subjects hears nothing that is said to another.
func TestRogueHearsNoOther(t *testing.T) {
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{score.importer(), hunt.importer()} })
	r := dialRogue(t, clue.ListenAddr())
	r.login(t, score.seed, "score-1")
	for _, wide := range []string{">", "mesh.>", "mesh.to.>", "mesh.to.*.clue-1", "mesh.to.hunt-1.>", ToReader("score-1", "clue-1")} {
		r.send(t, "LS+ %s", wide)
	}
	r.sync(t)
	out := clue.connect(t, Out)
	publish(t, out, ToReader("hunt-1", "clue-1"), "for hunt")
	publish(t, out, ToReader("score-1", "clue-1"), "for score")
	got := r.sync(t)
	if strings.Contains(got, "for hunt") || !strings.Contains(got, "for score") {
		t.Errorf("got %q", got)
	}
}
