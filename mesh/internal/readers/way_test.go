package readers

import "testing"

// Who can be told something is who said hello and is linked; who took part is who gets a type.
func TestWaysToReaders(t *testing.T) {
	s := newSite(t, &outbox{}, "score-1", "hunt-1", "print-1")
	s.greet("score-1", 1, solved, "+"+taken)
	s.greet("hunt-1", 1, opened, "+"+taken)
	for _, test := range []struct {
		name    string
		room    int
		expects bool
		takes   []string
	}{
		{"score-1", 500, true, []string{solved, taken}},
		{"hunt-1", 500, true, []string{opened}}, // the outbox keeps taken for score alone
		{"print-1", 0, false, nil},
		{"nobody-1", 0, false, nil},
	} {
		if room, expects := s.Room(test.name), s.Expects(test.name); room != test.room || expects != test.expects {
			t.Errorf("%s: room %d, expected %t", test.name, room, expects)
		}
		var takes []string
		for _, subject := range []string{solved, opened, taken, hinted} {
			if s.Takes(test.name, subject) {
				takes = append(takes, subject)
			}
		}
		if len(takes) != len(test.takes) || len(takes) > 0 && takes[0] != test.takes[0] {
			t.Errorf("%s takes %q", test.name, takes)
		}
	}
	s.lines["hunt-1"].set(true)
	if s.Room("hunt-1") != 0 || !s.Expects("hunt-1") {
		t.Error("a reader whose link is down has room, or is not missed")
	}
	if newSite(t, &outbox{}, "score-1").Expects("score-1") != true {
		t.Error("a reader that the outbox keeps events for is not missed")
	}
	if r := (*Readers)(nil); r.Room("x") != 0 || r.Takes("x", solved) || r.Expects("x") {
		t.Error("nobody has readers")
	}
}
