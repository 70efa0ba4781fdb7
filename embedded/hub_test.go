package main

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"leafmesh/services/huntfile"
)

// TestHubServersAreKilled replays a log against three daemons that meet at a cluster of three stock
// nats-servers and nowhere else. One server after the other is killed and started again, and so are
// daemons. In the end the services must hold exactly what the log says. In the short form the
// replay takes some seconds, in the others five minutes.
func TestHubServersAreKilled(t *testing.T) {
	t.Parallel() // it mostly waits
	random := random(t)
	programs, hub := build(t), newHubSite(t, 3)
	// A cut in a link to the hub takes up to 2 s until the next server is reached; the pauses give
	// each kill that time and more.
	form := hubForm{servers: 2, pause: 4 * time.Second}
	if extended() {
		form = hubForm{servers: 5, pause: time.Minute}
	}
	r := rounds(t, formOfOne)[0]
	tr := newTrialOf(t, r.log, func(hunt *huntfile.Hunt) *fleet {
		f := writeFleet(t, hunt, direct, hub.example(t))
		hub.configure(t, f.file("clue"), f.file("hunt"), f.file("score"))
		hub.start(t)
		f.start(t, programs)
		return f
	})
	k := &hubKiller{killer: killer{trial: tr, random: random}, hub: hub, form: form}
	tr.run(t, time.Duration(form.servers)*form.pause, k.run)
	t.Logf("%d servers and %d daemons killed", form.servers, k.kills)
}

// formOfOne is a crash test of one replay.
var formOfOne = form{1, 1, 1}

// hubForm is how many servers are killed, and how long each such step takes.
type hubForm struct {
	servers int
	pause   time.Duration
}

// hubKiller kills servers of a hub, and a daemon between two of them, and starts them again.
type hubKiller struct {
	killer
	hub  *hubSite
	form hubForm
}

func (k *hubKiller) run(ctx context.Context) error {
	for n := 0; n < k.form.servers && ctx.Err() == nil; n++ {
		server := k.hub.servers[n%len(k.hub.servers)]
		rest := k.form.pause - part(k.random, k.form.pause)
		pause(ctx, k.form.pause-rest)
		k.trial.note("%s killed", server.config)
		if err := server.kill(); err != nil {
			return err
		}
		down := part(k.random, rest)
		pause(ctx, down)
		if err := server.start(); err != nil {
			return err
		}
		k.trial.note("%s started", server.config)
		pause(ctx, (rest-down)/2)
		victim := k.next()
		if err := k.kill(victim, "killed"); err != nil {
			return err
		}
		if err := victim.start(); err != nil {
			return err
		}
		pause(ctx, (rest-down)/2)
	}
	return nil
}

// part is a random part of a time, a quarter to the half.
func part(random *rand.Rand, of time.Duration) time.Duration { return between(random, of/4, of/2) }
