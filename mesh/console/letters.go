package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"leafmesh/mesh/stats"
)

// maxLetters bounds the letters that a page shows.
const maxLetters = 500

// replayFor is how long a page waits for a replay, which goes on by itself then.
const replayFor = 5 * time.Second

// letterView is a dead letter of a node.
type letterView struct {
	Node string `json:"node"`
	stats.Letter
}

// againView is how much of a type a node keeps for a service that has failed it, and that comes
// again.
type againView struct {
	Node        string `json:"node"`
	Service     string `json:"service"`
	Type        string `json:"type"`
	Aside       int    `json:"aside"`       // wait to come again
	UnderWay    int    `json:"under_way"`   // were given to the service, and are not settled
	Redelivered uint64 `json:"redelivered"` // since the node was opened
}

// lettersView is what the page of letters shows.
type lettersView struct {
	Letters  []letterView `json:"letters"` // the newest first
	More     int          `json:"more"`    // that are older
	Again    []againView  `json:"again"`
	Changes  []string     `json:"changes"` // the nodes that may be changed from here
	Problems problems     `json:"problems"`
}

func (c *Console) getLetters(w http.ResponseWriter, _ *http.Request) {
	answers, _ := c.now.letters.get(c.ctx)
	counted, _ := c.now.stats.get(c.ctx)
	v := lettersView{Letters: []letterView{}, Again: comesAgain(counted), Problems: addProblems(addProblems(problems{}, answers), counted)}
	v.Changes, v.Problems = c.now.changeable(c.ctx, v.Problems)
	for _, a := range answers {
		for _, l := range a.Value {
			v.Letters = append(v.Letters, letterView{a.Node, l})
		}
	}
	slices.SortStableFunc(v.Letters, func(a, b letterView) int { return b.At.Compare(a.At) })
	v.More = max(0, len(v.Letters)-maxLetters)
	v.Letters = v.Letters[:len(v.Letters)-v.More]
	respond(w, v)
}

// letterChange is what a page asks for.
type letterChange struct {
	Node string `json:"node"`
	Key  string `json:"key"`
}

// comesAgain lists what was failed and comes again out of the outboxes.
func comesAgain(answers []Answer[stats.Stats]) []againView {
	again := []againView{}
	for _, a := range answers {
		if a.Value.Outbox == nil {
			continue
		}
		for _, r := range a.Value.Outbox.Readers {
			if r.Aside > 0 || r.Redelivered > 0 {
				again = append(again, againView{a.Node, r.Service, r.Type, r.Aside, r.UnderWay, r.Redelivered})
			}
		}
	}
	return again
}

func (c *Console) postReplay(w http.ResponseWriter, r *http.Request) {
	in, ok := read[letterChange](w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), replayFor)
	defer cancel()
	err := c.Changer.ReplayLetter(ctx, in.Node, in.Key)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it is still being replayed: look again")
	}
	c.done(w, r, in.Node, in, err)
}

func (c *Console) postDrop(w http.ResponseWriter, r *http.Request) {
	if in, ok := read[letterChange](w, r); ok {
		c.done(w, r, in.Node, in, c.Changer.DropLetter(r.Context(), in.Node, in.Key))
	}
}
