package outbox

import (
	"strings"
	"testing"
)

// A reader gets what is kept for its service, or what is kept for itself, as it asks. It is told
// what to do where the two ends do not fit.
func TestEach(t *testing.T) {
	s := newSite(t, func(s *site) {
		s.config.Types = []Type{{Subject: solved, Services: []string{"score"}}, {Subject: taken, Services: []string{"score-1", "score-2"}}}
	}).open(t)
	s.store(t, taken, 1, 3)
	for _, name := range []string{"score-1", "score-2"} {
		p := s.peer(name)
		each := imports(10, taken)
		each[0].Each = true
		if w := p.hello(t, each...); w.Imports[0].Problem != "" {
			t.Fatal(w.Imports[0].Problem)
		}
		if got := take(t, p, 3); got != "1 2 3" {
			t.Errorf("%s has %s", name, got)
		}
	}
	eventually(t, "all have all", func() bool { return s.messages(t) == 0 })
	for subject, c := range map[string]struct {
		each bool
		want string
	}{
		taken:  {false, "clue-1 keeps clue.hint.taken for instance score-1 alone: import it with delivery: each"},
		solved: {true, "clue-1 keeps clue.clue.solved for service score as a whole: name score-1 and its other instances in kept_for"},
	} {
		asked := imports(10, subject)
		asked[0].Each = c.each
		if got := s.peer("score-1").hello(t, asked...).Imports[0].Problem; !strings.Contains(got, c.want) {
			t.Errorf("%s: %s; want %s", subject, got, c.want)
		}
		if !strings.Contains(s.log.String(), c.want) {
			t.Errorf("the log of the exporter does not say %q:\n%s", c.want, s.log)
		}
	}
}
