package players

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/embedded/client"
	"leafmesh/services/huntfile"
)

// Crowd is some teams that play.
type Crowd struct {
	client *client.Client
	hunt   *huntfile.Hunt
	names  []string
	think  time.Duration // the mean between two guesses of a team

	finished atomic.Int64
	failures atomic.Int64
}

// DefaultThink is how long a team thinks between two guesses, on average: quick, so that there is
// something to see, and still so slow that 50 teams leave a laptop idle.
const DefaultThink = time.Second

// New makes a crowd of n teams. It reads the answers in the hunt: somebody has to be right in the
// end. think is the mean time between two guesses of a team.
func New(c *client.Client, hunt *huntfile.Hunt, n int, think time.Duration) *Crowd {
	return &Crowd{client: c, hunt: hunt, names: names(n), think: think}
}

// Run lets all teams play until they are done or ctx ends.
func (c *Crowd) Run(ctx context.Context) {
	var teams sync.WaitGroup
	for _, name := range c.names {
		p := newPlayer(c, name, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
		teams.Go(func() { p.play(ctx) })
	}
	teams.Wait()
}

// Finished returns how many teams have solved all they could.
func (c *Crowd) Finished() int { return int(c.finished.Load()) }

// Failures returns how many calls failed in a way that no game explains.
func (c *Crowd) Failures() int { return int(c.failures.Load()) }
