package leaf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Whose key is taken back hears nothing more, though its link stands and it does all to keep it.
func TestRevokedHearsNothing(t *testing.T) {
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{score.importer(), hunt.importer()} })
	to := ToReader("score-1", "clue-1")
	for what, importers := range map[string][]Importer{
		"gone":        {hunt.importer()},
		"shut":        {hunt.importer(), {Name: "score-1", Shut: true}},
		"another key": {hunt.importer(), {Name: "score-1", Keys: []string{start(t, "x", nil).public}}},
	} {
		t.Run(what, func(t *testing.T) {
			if err := clue.Link(nil, []Importer{score.importer(), hunt.importer()}); err != nil {
				t.Fatal(err)
			}
			r := dialRogue(t, clue.ListenAddr(), score.seed)
			r.login(t, "score-1")
			r.send(t, "LS+ %s", to)
			out := clue.toReader(t, score)
			out.hears(t, to)
			out.send(t, to, "before")
			r.await(t, "LMSG "+to)
			if err := clue.Link(nil, importers); err != nil {
				t.Fatal(err)
			}
			for i := range 100 {
				_ = out.Publish(to, []byte(number(i))) // to a line whose account is gone this is an error
			}
			if got := r.closed(t); strings.Contains(got, "LMSG") {
				t.Errorf("heard %q", got)
			}
			if _, heard, err := dialTLS(t, clue.ListenAddr(), tlsOf(score.cert(t))); heard != "" || err == nil {
				t.Errorf("got in again: %q", heard)
			}
			out.Close()
		})
	}
}

// Both ends change their keys while messages pass. Nothing is lost but at the moment in which an
// old key is taken back from a link that was made with it.
func TestKeysChange(t *testing.T) {
	clue, score := start(t, "clue-1", nil), start(t, "score-1", nil)
	link(t, clue, score)
	out, in := clue.toReader(t, score), score.toExporter(t, "clue-1")
	to := ToReader("score-1", "clue-1")
	box := in.hear(t, to)
	out.hears(t, to)
	first := in.linked(t)
	sent := 0
	send := func(why string) {
		t.Helper()
		for range 50 {
			sent++
			if err := out.Publish(to, []byte(number(sent))); err != nil {
				t.Fatal(err)
			}
		}
		if got := box.await(t, to+" "+number(sent)); len(got) != sent {
			t.Fatalf("%s: %d of %d messages", why, len(got), sent)
		}
	}
	change := func(why string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		send(why)
		if after, up := in.Link(); !up || after != first {
			t.Fatalf("%s: the link did not stay", why)
		}
	}
	_, scoreNext := spec(t, "score-1")
	_, clueNext := spec(t, "clue-1")
	reader, exporter := score.importer(), clue.remote()
	reader.Keys, exporter.Keys = []string{score.public, scoreNext.public}, []string{clue.public, clueNext.public}
	change("the exporter knows the importer's next key", clue.Link(nil, []Importer{reader}))
	change("the importer knows the exporter's next key", score.Link([]Remote{exporter}, nil))
	change("the importer has its next key", score.SetSeed(scoreNext.seed))
	change("the exporter has its next key", clue.SetSeed(clueNext.seed))

	reader.Keys, exporter.Keys = reader.Keys[1:], exporter.Keys[1:]
	if err := clue.Link(nil, []Importer{reader}); err != nil {
		t.Fatal(err)
	}
	again := func(former uint64) (now uint64) {
		t.Helper()
		eventually(t, "another link", func() bool { var up bool; now, up = in.Link(); return up && now != former })
		out.hears(t, to)
		return now
	}
	first = again(first)
	send("by the importer's next key")
	change("the importer forgets the exporter's old key, with which nothing is made", score.Link([]Remote{exporter}, nil))
	if err := score.SetSeed("SUABADSEED"); err == nil || strings.Contains(err.Error(), "BADSEED") {
		t.Errorf("a bad seed: %v", err)
	}
	change("a bad seed changes nothing", nil)
	exporter.Keys = []string{clue.public}
	if err := score.Link([]Remote{exporter}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no link to whom this end does not know", func() bool { _, up := in.Link(); return !up })
	if err := score.Stop(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if err := score.SetSeed(score.seed); !errors.Is(err, ErrStopped) {
		t.Errorf("after Stop: %v", err)
	}
	for _, n := range []*node{clue, score} {
		for _, seed := range []string{n.seed, scoreNext.seed, clueNext.seed} {
			if strings.Contains(fmt.Sprintf("%+v %s", n.Server, n.log), seed) {
				t.Error("a seed was printed")
			}
		}
	}
}
