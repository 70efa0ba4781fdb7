package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"leafmesh/embedded/guesslog/testlog"
)

// TestNothingIsLostInCrashes kills a random daemon at random moments, also while it starts, and starts it again, while a log is
// replayed. In the end the services must hold exactly what the log says.
func TestNothingIsLostInCrashes(t *testing.T) {
	random := random(t)
	programs := build(t)
	for _, r := range rounds(t, 8, 36) {
		t.Run(r.name, func(t *testing.T) {
			tr := newTrial(t, programs, r.log, direct)
			k := &killer{trial: tr, random: random, left: r.troubles}
			tr.run(t, time.Duration(r.troubles)*killPeriod, k.run)
		})
	}
}

// round is one replay.
type round struct {
	name     string
	log      testlog.Log
	troubles int
}

// rounds are the replays of a crash test. Short, it is one of the small log. Long, it is one of the real log or, where that is
// not to be had, as many of the small log as give the same number of troubles.
func rounds(t *testing.T, few, many int) (rounds []round) {
	t.Helper()
	if !*long {
		return []round{{"small", testlog.Small(t), few}}
	}
	logs := testlog.All(t)
	if last := logs[len(logs)-1]; last.Name != "small" {
		return []round{{last.Name, last, many}}
	}
	for n := 0; n*few < many; n++ {
		rounds = append(rounds, round{fmt.Sprintf("small, %d", n+1), testlog.Small(t), few})
	}
	return rounds
}

// killer kills daemons and starts them again. It is their one user while it runs.
type killer struct {
	trial  *trial
	random *rand.Rand
	left   int   // kills to go
	order  []int // the next victims
}

// killPeriod is about how long one kill takes with what comes before it and after it. Links take 0.5 to 1.5 s to come back, so
// some kills find them up and some do not.
const killPeriod = 1200 * time.Millisecond

// run makes all kills. When it returns the daemons run, or one of them did not start or ended by itself.
func (k *killer) run(ctx context.Context) error {
	for k.left > 0 && ctx.Err() == nil {
		pause(ctx, between(k.random, 200*time.Millisecond, 1600*time.Millisecond))
		victim := k.next()
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

// next is whose turn it is: each daemon once in a random order, then each once again, so that few kills reach all of them.
func (k *killer) next() *daemon {
	if len(k.order) == 0 {
		k.order = k.random.Perm(len(k.trial.fleet.daemons))
	}
	victim := k.trial.fleet.daemons[k.order[0]]
	k.order = k.order[1:]
	return victim
}

func (k *killer) kill(victim *daemon, how string) error {
	k.left--
	k.trial.note("%s %s", victim.name, how)
	return victim.kill()
}
