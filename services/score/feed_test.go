package score

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// table is a leaderboard that tests change.
type table struct {
	mu        sync.Mutex
	standings []Standing
	reads     int
	broken    error
}

func (b *table) set(standings ...Standing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.standings = standings
}

func (b *table) read(context.Context) ([]place, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	if b.broken != nil {
		return nil, b.broken
	}
	return rank(slices.Clone(b.standings)), nil
}

// in runs f with a started feed over a table, in a bubble of virtual time.
func in(t *testing.T, f func(t *testing.T, b *table, feed *feed)) {
	synctest.Test(t, func(t *testing.T) {
		b := &table{}
		feed := newFeed(b.read)
		feed.start(t.Context())
		defer feed.stop()
		f(t, b, feed)
	})
}

// taken waits for an update and returns it as text.
func taken(t *testing.T, s *subscriber) string {
	t.Helper()
	<-s.ready // in a bubble a wait in vain is a failure at once
	u, news := s.take()
	if !news {
		return "nothing"
	}
	text := fmt.Sprintf("snapshot=%v coalesced=%d", u.Snapshot, u.Coalesced)
	for _, row := range u.Rows {
		text += fmt.Sprintf(" %d:%s=%d", row.Rank, row.Team, row.Points)
	}
	return text
}

// waitRead lets virtual time pass until the feed has read what was changed and rests.
func waitRead() {
	<-time.After(2 * feedInterval)
	synctest.Wait()
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFeedSendsASnapshotAndThenChanges(t *testing.T) {
	in(t, func(t *testing.T, b *table, f *feed) {
		b.set(Standing{Team: "a", Points: 2}, Standing{Team: "b", Points: 1})
		first, _ := f.subscribe("a client")
		want(t, taken(t, first), "snapshot=true coalesced=0 1:a=2 2:b=1")
		b.set(Standing{Team: "a", Points: 2}, Standing{Team: "b", Points: 1}, Standing{Team: "c", Points: 0})
		f.changed()
		want(t, taken(t, first), "snapshot=false coalesced=0 3:c=0")
		b.set(Standing{Team: "a", Points: 2}, Standing{Team: "b", Points: 5}, Standing{Team: "c", Points: 0})
		f.changed()
		want(t, taken(t, first), "snapshot=false coalesced=0 1:b=5 2:a=2")
		second, _ := f.subscribe("a client") // a later one begins with the whole
		want(t, taken(t, second), "snapshot=true coalesced=0 1:b=5 2:a=2 3:c=0")
	})
}

func TestEmptyLeaderboardIsASnapshotToo(t *testing.T) {
	in(t, func(t *testing.T, _ *table, f *feed) {
		s, _ := f.subscribe("a client")
		want(t, taken(t, s), "snapshot=true coalesced=0")
	})
}

func TestSlowSubscriberGetsTheNewestAndIsTold(t *testing.T) {
	in(t, func(t *testing.T, b *table, f *feed) {
		b.set(Standing{Team: "a", Points: 1}, Standing{Team: "b"})
		s, _ := f.subscribe("a client")
		want(t, taken(t, s), "snapshot=true coalesced=0 1:a=1 2:b=0")
		for points := 2; points <= 5; points++ {
			b.set(Standing{Team: "a", Points: points}, Standing{Team: "b"})
			f.changed()
			waitRead()
		}
		want(t, taken(t, s), "snapshot=false coalesced=3 1:a=5")
		if got := f.coalesced.Load(); got != 3 {
			t.Errorf("the feed counted %d coalesced rows, want 3", got)
		}
	})
}

func TestSlowSubscriberDoesNotLoseItsSnapshot(t *testing.T) {
	in(t, func(t *testing.T, b *table, f *feed) {
		b.set(Standing{Team: "a", Points: 1}, Standing{Team: "b"})
		s, _ := f.subscribe("a client")
		waitRead()
		b.set(Standing{Team: "a", Points: 2}, Standing{Team: "b"})
		f.changed()
		waitRead()
		want(t, taken(t, s), "snapshot=true coalesced=1 1:a=2 2:b=0")
	})
}

func TestManyChangesAreReadAtMostTenTimesASecond(t *testing.T) {
	in(t, func(t *testing.T, b *table, f *feed) {
		s, _ := f.subscribe("a client")
		for points := range 1000 {
			b.set(Standing{Team: "a", Points: points})
			f.changed()
			synctest.Wait()
		}
		waitRead()
		want(t, taken(t, s), "snapshot=true coalesced=1 1:a=999")
		if b.reads != 2 {
			t.Errorf("%d readings of changes that came at once, want 2", b.reads)
		}
	})
}

func TestNobodyThereNothingRead(t *testing.T) {
	in(t, func(t *testing.T, b *table, f *feed) {
		s, _ := f.subscribe("a client")
		waitRead()
		f.unsubscribe(s)
		reads := b.reads
		f.changed()
		waitRead()
		if b.reads != reads {
			t.Errorf("%d readings for nobody", b.reads-reads)
		}
	})
}

func TestFailedReadingIsTriedAgain(t *testing.T) {
	in(t, func(t *testing.T, b *table, f *feed) {
		b.broken = errors.New("disk on fire")
		s, _ := f.subscribe("a client")
		waitRead()
		b.mu.Lock()
		b.broken = nil
		b.mu.Unlock()
		want(t, taken(t, s), "snapshot=true coalesced=0")
	})
}

func TestStreamsAreBounded(t *testing.T) {
	f := newFeed((&table{}).read)
	for range maxSubscribers {
		if _, err := f.subscribe("a client"); err != nil {
			t.Fatal(err)
		}
	}
	s, err := f.subscribe("a client")
	if !errors.Is(err, errCrowded) {
		t.Errorf("one too many: %v, %v", s, err)
	}
}

// One client cannot keep the others out: it loses streams to them until nobody has more than a fair
// share.
func TestAttackOneClientWithAllStreams(t *testing.T) {
	f := newFeed((&table{}).read)
	for range maxSubscribers {
		if _, err := f.subscribe("greedy"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.subscribe("greedy"); !errors.Is(err, errCrowded) {
		t.Errorf("the greedy client got one more: %v", err)
	}
	for i := range maxSubscribers - 1 {
		if s, err := f.subscribe(fmt.Sprint("client ", i)); err != nil || s.ended {
			t.Fatalf("client %d: %v", i, err)
		}
	}
	if _, err := f.subscribe("late"); !errors.Is(err, errCrowded) {
		t.Errorf("all have one, and another got in: %v", err)
	}
	if f.count() != maxSubscribers {
		t.Errorf("%d streams, want %d", f.count(), maxSubscribers)
	}
}

// A stream that loses its place ends, and nobody writes to it any more.
func TestAStreamThatLosesItsPlaceEnds(t *testing.T) {
	f := newFeed((&table{}).read)
	s := &subscriber{client: "greedy", ready: make(chan struct{}, 1), coalesced: &f.coalesced}
	f.subscribers[s] = struct{}{}
	s.put([]place{{Rank: 1}}, nil)
	s.end()
	s.put([]place{{Rank: 2}}, nil)
	<-s.ready
	if _, open := <-s.ready; open {
		t.Error("it goes on")
	}
	if u, news := s.take(); !news || len(u.Rows) != 1 {
		t.Errorf("it lost what waited: %+v", u)
	}
}
