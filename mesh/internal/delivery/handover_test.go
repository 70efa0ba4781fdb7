package delivery

import (
	"errors"
	"slices"
	"testing"

	"leafmesh/mesh/cause"
)

// Handlers that have handled an event before do not get it again, and those that handle it now are
// named when others fail.
func TestHandoverKnowsWhoHasHandledIt(t *testing.T) {
	sick := errors.New("sick")
	for name, c := range map[string]struct {
		before []string
		depths []int64 // of the queues of the handlers a and b, and of the tap
		fails  []int   // which of them fail
		done   []string
	}{
		"nobody has":               {nil, []int64{1, 1, 1}, nil, nil},
		"one has":                  {[]string{"a"}, []int64{0, 1, 1}, nil, nil},
		"one has, the other fails": {[]string{"a"}, []int64{0, 1, 1}, []int{1}, []string{"a"}},
		"one fails":                {nil, []int64{1, 1, 1}, []int{0}, []string{"b"}},
		"one that is gone has":     {[]string{"x"}, []int64{1, 1, 1}, []int{1}, []string{"a", "x"}},
		"all have":                 {[]string{"b", "a"}, []int64{0, 0, 1}, nil, nil},
		"all fail":                 {nil, []int64{1, 1, 1}, []int{0, 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(Kind{IsHandler: true}, Kind{IsHandler: true}, Kind{})
			header := cause.NewRoot(h.root, "", 1)
			var settled []Settlement
			over := NewHandover(false, c.before, func(s Settlement) { settled = append(settled, s) })
			if err := h.of.Deliver(t.Context(), &header, []byte{0x65, 's', 't', 'o', 'r', 'k'}, MayWait, over); err != nil {
				t.Fatal(err)
			}
			if got := h.depths(); !slices.Equal(got, c.depths) {
				t.Errorf("places %v, want %v", got, c.depths)
			}
			for i, depth := range c.depths[:2] {
				if depth == 0 {
					continue
				}
				if len(settled) > 0 {
					t.Error("settled before the handlers were done")
				}
				if slices.Contains(c.fails, i) {
					over.Fail(Failure{Place: h.places[i].Place, Err: sick})
				}
				over.Leave()
			}
			if len(settled) != 1 || len(settled[0].Failures) != len(c.fails) || !slices.Equal(settled[0].Done, c.done) {
				t.Errorf("settled %+v, want %d failures, done %q", settled, len(c.fails), c.done)
			}
		})
	}
}
