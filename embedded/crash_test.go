package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"leafmesh/embedded/guesslog/testlog"
)

// TestNothingIsLostInCrashes kills a random daemon at random moments, also while it starts, and
// starts it again, and now and then lets one hang for a while, while a log is replayed. In the end
// the services must hold exactly what the log says.
func TestNothingIsLostInCrashes(t *testing.T) {
	t.Parallel() // the trials mostly wait
	random := random(t)
	programs := build(t)
	for _, r := range rounds(t, form{6, 36, 200}) {
		t.Run(r.name, func(t *testing.T) {
			tr := newTrial(t, programs, r.log, direct)
			k := &killer{trial: tr, random: random, left: r.troubles}
			period := killPeriod
			if extended() {
				period = killPeriodWithLongHangs
			}
			tr.run(t, time.Duration(r.troubles)*period, k.run)
			t.Logf("%d kills, %d times a daemon hung", k.kills, k.hangs)
		})
	}
}

// round is one replay.
type round struct {
	name     string
	log      testlog.Log
	troubles int
}

// form is how many troubles a crash test makes in its three forms.
type form struct{ short, middle, long int }

// troubles is the number for the form that the flags ask for.
func (f form) troubles() int {
	switch {
	case *long:
		return f.long
	case *middle:
		return f.middle
	}
	return f.short
}

// rounds are the replays of a crash test. In the short form it is one of the small log. In the
// others it is one of the real log or, where that is not to be had, as many of the small log as
// give the same number of troubles.
func rounds(t *testing.T, f form) (rounds []round) {
	t.Helper()
	if !extended() {
		return []round{{"small", testlog.Small(t), f.short}}
	}
	logs := testlog.All(t)
	if last := logs[len(logs)-1]; last.Name != "small" {
		return []round{{last.Name, last, f.troubles()}}
	}
	const each = 40 // of the small log, which is short
	for left := f.troubles(); left > 0; left -= each {
		rounds = append(rounds, round{fmt.Sprintf("small, %d", len(rounds)+1), testlog.Small(t), min(left, each)})
	}
	return rounds
}

// killer kills daemons and starts them again. It is their one user while it runs.
type killer struct {
	trial  *trial
	random *rand.Rand
	left   int   // kills to go
	order  []int // the next victims
	kills  int
	hangs  int
}

// killPeriod is about how long one kill takes with what comes before it and after it. Links take
// 0.5 to 1.5 s to come back, so some kills find them up and some do not.
const (
	killPeriod              = 1200 * time.Millisecond
	killPeriodWithLongHangs = 2200 * time.Millisecond
)

// run makes all kills. When it returns the daemons run, or one of them did not start or ended by
// itself.
func (k *killer) run(ctx context.Context) error {
	for k.left > 0 && ctx.Err() == nil {
		pause(ctx, between(k.random, 200*time.Millisecond, 1600*time.Millisecond))
		victim := k.next()
		if k.kills/hangEach > k.hangs {
			if err := k.hang(ctx, victim); err != nil {
				return err
			}
			continue // it may be killed while it makes up for the time
		}
		if err := k.kill(victim, "killed"); err != nil {
			return err
		}
		for {
			pause(ctx, between(k.random, 0, 400*time.Millisecond))
			if err := victim.start(); err != nil {
				return err
			}
			if k.left == 0 || k.random.IntN(3) > 0 {
				break
			}
			// It serves after some 50 ms, and is linked after some 100.
			pause(ctx, between(k.random, 0, 120*time.Millisecond))
			if err := k.kill(victim, "killed while it starts"); err != nil {
				return err
			}
		}
	}
	return nil
}

// next is whose turn it is: each daemon once in a random order, then each once again, so that few
// kills reach all of them.
func (k *killer) next() *daemon {
	if len(k.order) == 0 {
		k.order = k.random.Perm(len(k.trial.fleet.daemons))
	}
	victim := k.trial.fleet.daemons[k.order[0]]
	k.order = k.order[1:]
	return victim
}

// hangEach is after how many kills a daemon hangs.
const hangEach = 3

// hang stops a daemon for some seconds. Its links stay up, and nobody answers at their end; after
// 14 s at most the others give them up.
func (k *killer) hang(ctx context.Context, victim *daemon) error {
	k.hangs++
	lasts := between(k.random, 200*time.Millisecond, 2*time.Second)
	if extended() && k.random.IntN(8) == 0 {
		lasts = between(k.random, 12*time.Second, 18*time.Second)
	}
	k.trial.note("%s hangs for %.3f s", victim.name, lasts.Seconds())
	return victim.hang(func() { pause(ctx, lasts) })
}

func (k *killer) kill(victim *daemon, how string) error {
	k.left--
	k.kills++
	k.trial.note("%s %s", victim.name, how)
	return victim.kill()
}
