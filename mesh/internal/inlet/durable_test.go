package inlet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

var errSick = errors.New("sick")

func notNow(after time.Duration) error { return fmt.Errorf("quota: %w", handling.NotNow(after)) }

// What becomes of events at two handlers, of which one handles all. Three tries are what the import
// has.
func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		mail    error // what the handler mail says
		give    wire.BatchEvent
		answer  string
		after   [2]time.Duration // at least and at most
		letters []string
		count   []int // calls of the handler count
		called  []int // of mail
	}{
		"handled":                  {nil, event(1, "owls"), "1 handled", [2]time.Duration{}, nil, []int{1}, []int{1}},
		"failed":                   {errSick, event(1, "owls"), "1 again but for count", [2]time.Duration{500 * time.Millisecond, time.Second}, nil, []int{1}, []int{1}},
		"failed again":             {errSick, tried(event(1, "owls"), 1, "count"), "1 again but for count", [2]time.Duration{time.Second, 2 * time.Second}, nil, nil, []int{1}},
		"failed for the last time": {errSick, tried(event(1, "owls"), 2, "count"), "1 handled", [2]time.Duration{}, []string{"mail 1 after 3"}, nil, []int{1}},
		"failed too often":         {errSick, tried(event(1, "owls"), 1<<60), "1 handled", [2]time.Duration{}, []string{"mail 1 after 1001"}, []int{1}, []int{1}},
		"final":                    {handling.Final(errSick), event(1, "owls"), "1 handled", [2]time.Duration{}, []string{"mail 1 after 1"}, []int{1}, []int{1}},
		"not now":                  {notNow(time.Minute), event(1, "owls"), "1 later but for count", [2]time.Duration{time.Minute, time.Minute}, nil, []int{1}, []int{1}},
		"not now at the last try":  {notNow(time.Minute), tried(event(1, "owls"), 2, "count"), "1 later but for count", [2]time.Duration{time.Minute, time.Minute}, nil, nil, []int{1}},
		"not now, but soon":        {notNow(0), event(1, "owls"), "1 later but for count", [2]time.Duration{500 * time.Millisecond, time.Second}, nil, []int{1}, []int{1}},
		"done before":              {errSick, tried(event(1, "owls"), 1, "mail"), "1 handled", [2]time.Duration{}, nil, []int{1}, nil},
		"all done before":          {errSick, tried(event(1, "owls"), 1, "count", "mail"), "1 handled", [2]time.Duration{}, nil, nil, nil},
		"done by one that is gone": {errSick, tried(event(1, "owls"), 1, "old"), "1 again but for count, old", [2]time.Duration{time.Second, 2 * time.Second}, nil, []int{1}, []int{1}},
		"no event": {nil, wire.BatchEvent{Sequence: 1, Message: []byte("hello")}, "1 handled", [2]time.Duration{},
			[]string{"import after 1"}, nil, nil},
		"of another type": {nil, wire.BatchEvent{Sequence: 1, Message: message(1, "owls", "clue-1:clue.hint.taken")}, "1 handled", [2]time.Duration{},
			[]string{"import after 1"}, nil, nil},
		"from a stranger": {nil, wire.BatchEvent{Sequence: 1, Message: message(1, "owls", "clue-7:"+solved)}, "1 handled", [2]time.Duration{},
			[]string{"import after 1"}, nil, nil},
		"refused by the guard": {nil, event(1, "refused"), "1 handled", [2]time.Duration{}, []string{"import after 1"}, nil, nil},
		"refused by the guard when it comes again": {nil, tried(event(1, "refused"), 1, "count"), "1 handled", [2]time.Duration{},
			[]string{"mail 1 after 2"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newSite(t, nil)
				s.link()
				s.heard()
				s.handlers["mail"].fails(c.mail)
				s.give(c.give)
				if after := s.afters(); len(after) != 1 || after[0] < c.after[0] || after[0] > c.after[1] {
					t.Errorf("after %v, want %v", after, c.after)
				}
				s.want(c.answer)
				s.wantKept(c.letters...)
				s.wantCalled("count", c.count...)
				s.wantCalled("mail", c.called...)
				if again := s.count(stats.Redelivered, ""); again != min(c.give.Tries, 1) {
					t.Errorf("%d redelivered", again)
				}
				if n := s.set.exchange.Load().durables()[0].underWay(); n != 0 {
					t.Errorf("%d under way", n)
				}
			})
		})
	}
}

// An event comes again for a handler that is gone: it counts as handled, and the log says so. An
// event that another handler is to have is no such.
func TestAHandlerThatIsGoneIsNotMissed(t *testing.T) {
	for name, c := range map[string]struct {
		give wire.BatchEvent
		told bool
	}{
		"it is gone":      {tried(event(1, "owls"), 1, "count", "mail"), true},
		"it is there":     {tried(event(1, "owls"), 1, "count"), false},
		"it is new":       {tried(event(1, "owls"), 1, "old"), false},
		"the first time":  {event(1, "owls"), false},
		"none is done":    {tried(event(1, "owls"), 1), false},
		"old ones, there": {tried(event(1, "owls"), 1, "old", "mail"), false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newSite(t, nil)
				s.link()
				s.heard()
				s.give(c.give)
				s.want("1 handled")
				if told := strings.Contains(s.log.String(), "is gone"); told != c.told {
					t.Errorf("the log: %q", &s.log)
				}
			})
		})
	}
}

// One handler fails for good while the other has tries left: its letter comes at once, and only the
// other runs again.
func TestFinalForOneHandler(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.handlers["mail"].fails(handling.Final(errSick))
		s.handlers["count"].fails(errSick)
		s.give(event(1, "owls"))
		s.want("1 again but for mail")
		s.wantKept("mail 1 after 1")
		s.handlers["count"].does(nil)
		s.give(tried(event(1, "owls"), 1, "mail"))
		s.want("1 handled")
		s.wantCalled("mail", 1)
		s.wantCalled("count", 1, 1)
	})
}

// What nobody tried stays away for longer each time, and costs no try however often.
func TestExcusesDoNotCount(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.handlers["mail"].fails(notNow(0))
		var last time.Duration
		for range 8 {
			s.heard()
			s.give(event(1, "owls"))
			all := s.afters()
			if len(all) != 1 || all[0] < last/2 {
				t.Fatalf("afters %v, the last was %v", all, last)
			}
			last = all[0]
		}
		if last < 5*time.Second || last > 10*time.Second {
			t.Errorf("at last it stays away for %v, want 5 to 10 s", last)
		}
		s.handlers["mail"].fails(errSick)
		s.heard()
		s.give(event(1, "owls"))
		s.want("1 again but for count")
		s.wantKept()
		s.wantCalled("count", 1) // it had handled it, which the exporter did not say
	})
}

// A letter that cannot be kept keeps the event in its outbox.
func TestNoRoomForALetter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		s.heard()
		for i := range 100 {
			if err := s.letters.Put(letters.Letter{ID: [16]byte{9, byte(i)}, Handler: "x", Peer: "clue-1", Subject: solved, At: time.Now(), Message: []byte{1}}); err != nil {
				t.Fatal(err)
			}
		}
		s.handlers["mail"].fails(handling.Final(errSick))
		s.give(event(1, "owls"))
		if all := s.afters(); len(all) != 1 || all[0] != 10*time.Second {
			t.Errorf("stays away for %v", all)
		}
		if s.count(stats.DeadLettered, "") != 0 {
			t.Error("counted as kept")
		}
	})
}

// The same event is handled once, however often it comes while it is under way.
func TestDuplicatesUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		release := make(chan struct{})
		s.handlers["mail"].does(func(context.Context, int) error { <-release; return nil })
		s.give(event(1, "owls"), event(1, "owls"))
		s.cutLink()
		s.link()
		s.give(tried(event(1, "owls"), 1))
		if n := s.set.exchange.Load().durables()[0].underWay(); n != 1 {
			t.Errorf("%d under way", n)
		}
		close(release)
		s.want("1 handled")
		s.wantCalled("mail", 1)
		if n := s.count(stats.Acknowledged, ""); n != 1 {
			t.Errorf("%d acknowledged", n)
		}
	})
}

// What comes before it is known which outbox it is from goes back.
func TestEventsBeforeTheWelcome(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.dial()
		s.give(event(1, "owls"))
		s.want()
		s.welcome("")
		s.want("1 later")
		s.wantCalled("mail")
	})
}

// Beyond twice the credit events go back at once, and are not lost.
func TestMoreThanTheCredit(t *testing.T) {
	for name, c := range map[string]struct {
		many int
		size int
		took int
	}{
		"in number": {2*creditEvents + 5, 0, 2 * creditEvents},
		"in bytes":  {40, 1 << 20, 32},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newSite(t, nil)
				s.link()
				s.heard()
				release := make(chan struct{})
				s.handlers["mail"].does(func(context.Context, int) error { <-release; return nil })
				for n := range c.many {
					e := event(uint64(n+1), "owls")
					if c.size > 0 {
						e.Message = append(e.Message, make([]byte, c.size-len(e.Message))...)
						s.handlers["mail"].does(nil)
						s.set.exchange.Load().durables()[0].waiting = make(chan *taken, 100) // nobody takes them out
					}
					s.give(e)
				}
				s.wait(10 * time.Millisecond)
				got := s.answered()
				if len(got) != c.many-c.took || !strings.HasSuffix(got[0], "later") {
					t.Errorf("%d answered, %.1q", len(got), got)
				}
				close(release)
				if c.size == 0 {
					s.wait(10 * time.Millisecond)
					if got := s.answered(); len(got) != c.took {
						t.Errorf("%d handled", len(got))
					}
				}
			})
		})
	}
}

// The outbox is not what it was: it is told of, and its numbers are other events.
func TestOutboxThatIsNotWhatItWas(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		last   uint64
		rule   string
		fails  bool
		calls  []int // of the handler mail, for the events 1 and 2 that come anew
		lost   uint64
	}{
		"unchanged":            {"one", 2, "", false, []int{1, 2}, 0},
		"more":                 {"one", 9, "", false, []int{1, 2}, 0},
		"wiped":                {"two", 0, "wiped", false, []int{1, 2, 1, 2}, 0},
		"restored":             {"one", 1, "", false, []int{1, 2, 2}, 0},
		"wiped, and it fails":  {"two", 0, "wiped", true, []int{1, 2, 1, 2}, 0},
		"wiped, and it is cut": {"two", 0, "wiped", false, []int{1, 2, 1, 2}, 1},
		"restored from before": {"one", 0, "restored", false, []int{1, 2, 1, 2}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newSite(t, nil)
				s.link()
				mail, release := s.handlers["mail"], make(chan struct{})
				s.give(event(1, "owls"))
				s.want("1 handled")
				mail.does(func(context.Context, int) error {
					<-release
					switch {
					case c.fails:
						return errSick
					case c.lost > 0:
						return notNow(time.Second)
					}
					return nil
				})
				s.give(event(2, "owls"))
				s.cutLink()
				s.stream, s.last = c.stream, c.last
				s.link()
				s.heard()
				close(release)
				s.wait(10 * time.Millisecond)
				mail.does(nil)
				s.heard()
				s.give(event(1, "owls"), event(2, "owls"))
				s.want("1 handled", "2 handled")
				s.wantCalled("mail", c.calls...)
				if c.fails {
					s.wantKept("mail 2 after 1")
				} else {
					s.wantKept()
				}
				if got := s.count(stats.Lost, stats.OutboxGone); got != c.lost {
					t.Errorf("%d lost, want %d", got, c.lost)
				}
				if got := s.count(stats.OutboxChanged, c.rule); (got == 1) != (c.rule != "") {
					t.Errorf("counted %d under %q", got, c.rule)
				}
			})
		})
	}
}

// What a node remembers of an outbox outlives it.
func TestBookmarksOutliveTheNode(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		last   uint64
		rule   string
	}{
		"unchanged": {"one", 7, ""},
		"wiped":     {"two", 7, "wiped"},
		"restored":  {"one", 5, "restored"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				data := t.TempDir()
				s := openSite(t, data, nil)
				s.link()
				s.give(event(7, "owls"))
				s.wait(2 * time.Second) // to be saved
				s.close(time.Hour)
				s = openSite(t, data, nil)
				s.stream, s.last = c.stream, c.last
				s.link()
				if got := s.count(stats.OutboxChanged, c.rule); (got == 1) != (c.rule != "") {
					t.Errorf("counted %d under %q", got, c.rule)
				}
				if told := strings.Contains(s.log.String(), "not as this node left it"); told != (c.rule != "") {
					t.Errorf("the log: %s", &s.log)
				}
				s.wait(6 * time.Second)
				s.last = 0 // a later welcome on a link tells nothing
				s.welcome("")
				if got := s.count(stats.OutboxChanged, "restored"); got > 0 && c.rule != "restored" {
					t.Error("a welcome that was overtaken passes for an old copy")
				}
			})
		})
	}
}

// event is the event whose value is its number, of a team.
func event(n uint64, team string) wire.BatchEvent {
	return wire.BatchEvent{Sequence: n, Message: message(n, team, "clue-1:"+solved)}
}

func message(n uint64, team, step string) []byte {
	id := wire.ID{0: 1, 14: byte(n >> 8), 15: byte(n)}
	payload, err := wire.AppendPayload(nil, int(n))
	if err != nil {
		panic(err)
	}
	data, err := wire.AppendEvent(nil, &wire.Envelope{ID: id, Root: id, Time: 1, Key: team, Path: [][]byte{[]byte(step)}, Payload: payload})
	if err != nil {
		panic(err)
	}
	return data
}

// tried is an event that has failed before, and that some handlers have handled.
func tried(e wire.BatchEvent, tries uint64, done ...string) wire.BatchEvent {
	e.Tries, e.Done = tries, done
	return e
}
