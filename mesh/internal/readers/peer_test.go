package readers

import (
	"testing"

	"leafmesh/mesh/internal/wire"
)

// A reader of another version is told this node's, once a second at most, and is known by it; once
// it is upgraded it is known by what it says then.
func TestAReaderOfAnotherVersion(t *testing.T) {
	s := newSite(t, nil, "score-1")
	for range 5 {
		s.Hear("score-1", []byte{0x83, 9, 1, 0x40})
	}
	if version, spoken, _ := s.Peer("score-1"); version != "" || spoken != 9 {
		t.Errorf("known as %q, which speaks %d", version, spoken)
	}
	if said := s.lines["score-1"].said; len(said) != 1 {
		t.Fatalf("said %v", said)
	}
	if w, ok := s.lines["score-1"].said[0].(*wire.Welcome); !ok || w.Exporter != "clue-1" || w.Version != wire.TalkVersion || w.Release == "" || w.Time == 0 {
		t.Errorf("said %+v", s.lines["score-1"].said[0])
	}
	hello, err := wire.EncodeTalk(&wire.Hello{Nonce: wire.ID{1}, MaxPayload: 500, Release: "v2"})
	if err != nil {
		t.Fatal(err)
	}
	s.Hear("score-1", hello)
	if version, spoken, bidden := s.Peer("score-1"); version != "v2" || spoken != wire.TalkVersion || bidden {
		t.Errorf("known as %q, which speaks %d, goodbye %v", version, spoken, bidden)
	}
	goodbye, err := wire.EncodeTalk(&wire.Goodbye{Nonce: wire.ID{1}})
	if err != nil {
		t.Fatal(err)
	}
	s.Hear("score-1", goodbye)
	if _, _, bidden := s.Peer("score-1"); !bidden {
		t.Error("its goodbye is not known")
	}
}
