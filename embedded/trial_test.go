package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"leafmesh/embedded/guesslog"
	"leafmesh/embedded/guesslog/testlog"
	"leafmesh/embedded/replay"
	"leafmesh/services/clue"
	"leafmesh/services/huntfile"
)

// The crash tests' own flags, after -args.
var (
	long = flag.Bool("long", false, "run the crash tests long: on the real log if it is there, and with more troubles")
	seed = flag.Uint64("seed", 0, "of the crash tests' troubles; 0: a random one")
)

// trial replays a log against three daemons while something goes wrong all the time, and compares what they hold in the
// end with what the log says.
type trial struct {
	log    *guesslog.Log
	hunt   guesslog.Derived
	fleet  *fleet
	client *http.Client
	want   holdings
	right  []rightGuess
	start  time.Time

	mu       sync.Mutex
	troubles []string                // guarded by mu: what was done, with its time
	judged   map[solve]time.Duration // guarded by mu: when the driver was told that a guess is right
}

// bonus is a clue that nobody guesses at. It opens with a team's first solve, and with that the team has finished: so each
// of the events that go from service to service is needed for some part of what is compared.
const bonus = "bonus-of-the-crash-test"

// newTrial starts the daemons. Their links go where links says.
func newTrial(t *testing.T, programs string, log testlog.Log, links route) *trial {
	t.Helper()
	rows, hunt, err := readLog(log.Path, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	played := *hunt.Hunt
	played.Finish.Solves = 1
	played.Clues = append(played.Clues[:len(played.Clues):len(played.Clues)],
		huntfile.Clue{ID: bonus, Title: "Bonus", Points: 1, Answers: []string{"nobody"}, Unlock: huntfile.Rule{Solves: 1}})
	tr := &trial{log: rows, hunt: hunt, fleet: startFleet(t, programs, &played, links), client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}},
		start: time.Now(), judged: make(map[solve]time.Duration)}
	t.Cleanup(tr.client.CloseIdleConnections)
	tr.want, tr.right = expected(rows, hunt)
	return tr
}

// note writes down a trouble, for the report of a failure.
func (tr *trial) note(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.troubles = append(tr.troubles, fmt.Sprintf("%8.3f s  ", time.Since(tr.start).Seconds())+fmt.Sprintf(format, args...))
}

// driver is the replay's target: the daemons, however often they go away. It begins the troubles when the teams have
// joined, and leaves it to the trial to say when all has settled.
type driver struct {
	*replay.Remote
	trial  *trial
	joined func()
}

// patience is how long a daemon may be away. It starts in a tenth of a second; a busy machine may take a hundred times
// as long.
const patience = 30 * time.Second

// Join implements replay.Target.
func (d *driver) Join(ctx context.Context, teams []guesslog.Team, clues int) error {
	err := d.Remote.Join(ctx, teams, clues)
	d.joined()
	return err
}

// Submit implements replay.Target.
func (d *driver) Submit(ctx context.Context, g guesslog.Guess, clueID string, judged func(clue.Verdict)) error {
	return d.Remote.Submit(ctx, g, clueID, func(v clue.Verdict) {
		if v == clue.Correct {
			d.trial.mu.Lock()
			d.trial.judged[solve{g.Team, clueID}] = time.Since(d.trial.start)
			d.trial.mu.Unlock()
		}
		judged(v)
	})
}

// Settle implements replay.Target.
func (d *driver) Settle(context.Context, int) error { return nil }

// run replays the log in about the given time while trouble goes on, and until it has ended, and fails the test if the
// daemons do not hold in the end what they should.
func (tr *trial) run(t *testing.T, during time.Duration, trouble func(ctx context.Context) error) {
	t.Helper()
	remote, err := replay.NewRemote(tr.fleet.urls["clue"], tr.fleet.urls["hunt"], tr.fleet.urls["score"])
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	remote.Patience = patience
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var troubling sync.WaitGroup
	d := &driver{Remote: remote, trial: tr, joined: func() {
		troubling.Go(func() {
			if err := trouble(ctx); err != nil {
				cancel(err)
			}
		})
	}}
	span := tr.log.Guesses[len(tr.log.Guesses)-1].At.Sub(tr.log.Guesses[0].At)
	result, err := replay.Run(ctx, d, tr.log, tr.hunt, replay.Options{Speed: replay.Speed(span.Seconds() / during.Seconds())})
	troubling.Wait()
	if err := errors.Join(err, context.Cause(ctx)); err != nil {
		t.Fatalf("%v\n%s", err, tr.report())
	}
	if result.Mismatches > 0 {
		t.Errorf("%d verdicts are not those of the log", result.Mismatches)
	}
	t.Logf("%d guesses, %d solves and %d troubles in %.1f s", result.Guesses, result.Correct, len(tr.troubles), result.ElapsedSeconds)
	if differences := tr.settle(t); len(differences) > 0 {
		t.Errorf("%d differences between what the log says and what the services hold:\n%s%s", len(differences), list(differences, 30), tr.report())
	}
}

// report lists the last troubles.
func (tr *trial) report() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return "troubles, the last of them first:\n" + list(reversed(tr.troubles), 40)
}

// random makes the source of a test's troubles, and says how to have the same again.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("the same troubles again: go test ./embedded -run '%s$' -count 1 -v -args -seed %d -long=%t", t.Name(), s, *long)
	return rand.New(rand.NewPCG(s, 0))
}

// between is a random time.
func between(random *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(random.Int64N(int64(most-least)))
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
