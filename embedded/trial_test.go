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

	"leafmesh/embedded/client"
	"leafmesh/embedded/guesslog"
	"leafmesh/embedded/guesslog/testlog"
	"leafmesh/embedded/replay"
	"leafmesh/services/clue"
	"leafmesh/services/huntfile"
)

// The crash tests' own flags, after -args.
var (
	middle = flag.Bool("middle", false, "run the crash tests on the real log if it is there, and with more troubles")
	long   = flag.Bool("long", false, "the same with 200 kills and 200 faults of links")
	seed   = flag.Uint64("seed", 0, "of the crash tests' troubles; 0: a random one")
)

// extended reports whether a test may take minutes.
func extended() bool { return *middle || *long }

// trial replays a log against three daemons while something goes wrong all the time, and compares
// what they hold in the end with what the log says.
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
	toldAt   map[solve]time.Duration // guarded by mu: when the driver was told that a guess is right, or was given a hint
}

// Clues that nobody guesses at. With them each of the events that go from service to service is
// needed for some part of what is compared: the bonus opens with a team's first solve, with which
// the team also has finished; and before that solve the team takes a hint of the help, for a point.
const (
	bonus = "bonus-of-the-crash-test"
	help  = "help-of-the-crash-test"
)

// newTrial starts the daemons. Their links go where links says.
func newTrial(t *testing.T, programs string, log testlog.Log, links route) *trial {
	t.Helper()
	return newTrialOf(t, log, func(hunt *huntfile.Hunt) *fleet { return startFleet(t, programs, hunt, links) })
}

// newTrialOf is newTrial with daemons that are started in another way.
func newTrialOf(t *testing.T, log testlog.Log, start func(*huntfile.Hunt) *fleet) *trial {
	t.Helper()
	rows, hunt, err := readLog(log.Path, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	played := *hunt.Hunt
	played.Finish.Solves = 1
	played.Clues = append(played.Clues[:len(played.Clues):len(played.Clues)],
		huntfile.Clue{ID: bonus, Title: "Bonus", Points: 1, Answers: []string{"nobody"}, Unlock: huntfile.Rule{Solves: 1}},
		huntfile.Clue{ID: help, Title: "Help", Points: 1, Answers: []string{"nobody"}, Unlock: huntfile.Rule{Start: true},
			Hints: []huntfile.Hint{{Text: "Ask somebody", Cost: 1}}})
	tr := &trial{log: rows, hunt: hunt, fleet: start(&played), client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}},
		start: time.Now(), toldAt: make(map[solve]time.Duration)}
	t.Cleanup(tr.client.CloseIdleConnections)
	tr.want, tr.right = expected(rows, hunt)
	tr.want.takeHelp()
	return tr
}

// note writes down a trouble, for the report of a failure.
func (tr *trial) note(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.troubles = append(tr.troubles, fmt.Sprintf("%8.3f s  ", time.Since(tr.start).Seconds())+fmt.Sprintf(format, args...))
}

// driver is the replay's target: the daemons, however often they go away. It begins the troubles
// when the teams have joined, and leaves it to the trial to say when all has settled.
type driver struct {
	*replay.Remote
	trial  *trial
	client *client.Client
	joined func()
	helped map[string]bool // teams
}

// patience is how long a daemon may be away. It starts in a tenth of a second; a busy machine may
// take a hundred times as long.
const patience = 30 * time.Second

// Join implements replay.Target.
func (d *driver) Join(ctx context.Context, teams []guesslog.Team, clues int) error {
	err := d.Remote.Join(ctx, teams, clues+1) // with the help
	d.joined()
	return err
}

// Submit implements replay.Target.
func (d *driver) Submit(ctx context.Context, g guesslog.Guess, clueID string, judged func(clue.Verdict)) error {
	if g.Correct && !d.helped[g.Team] {
		if err := d.takeHelp(ctx, g.Team); err != nil {
			return fmt.Errorf("take a hint: %w", err)
		}
		d.helped[g.Team] = true
		d.trial.told(solve{g.Team, help})
	}
	return d.Remote.Submit(ctx, g, clueID, func(v clue.Verdict) {
		if v == clue.Correct {
			d.trial.told(solve{g.Team, clueID})
		}
		judged(v)
	})
}

// takeHelp takes the one hint of the help, until there is an answer. That there is no further one
// says that the hint was given to a call whose answer did not come.
func (d *driver) takeHelp(ctx context.Context, team string) error {
	for start := time.Now(); ; pause(ctx, 20*time.Millisecond) {
		err := d.client.Hint(ctx, team, help)
		if err == nil || client.Is(err, http.StatusNotFound) {
			return nil
		}
		if time.Since(start) > patience || ctx.Err() != nil {
			return err
		}
	}
}

// told notes that the driver was told that something counts.
func (tr *trial) told(s solve) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.toldAt[s] = time.Since(tr.start)
}

// AwaitSolves implements replay.Target.
func (d *driver) AwaitSolves(context.Context, int) error { return nil }

// run replays the log in about the given time while trouble goes on, and until it has ended, and
// fails the test if the daemons do not hold in the end what they should.
func (tr *trial) run(t *testing.T, during time.Duration, trouble func(ctx context.Context) error) {
	t.Helper()
	urls := tr.fleet.urls
	remote, err := replay.NewRemote(urls["clue"], urls["hunt"], urls["score"])
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	remote.Patience = patience
	hints, err := client.New(urls["clue"], urls["hunt"], urls["score"], 1)
	if err != nil {
		t.Fatal(err)
	}
	defer hints.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var troubling sync.WaitGroup
	d := &driver{Remote: remote, trial: tr, client: hints, helped: make(map[string]bool), joined: func() {
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
	t.Logf("the same troubles again: go test ./embedded -run '%s$' -count 1 -v -args -seed %d -middle=%t -long=%t", t.Name(), s, *middle, *long)
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
