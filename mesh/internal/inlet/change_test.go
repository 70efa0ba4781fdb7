package inlet

import (
	"testing"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
)

// While two hellos are under way, the answer to the older one settles nothing: the exporter has not
// heard yet what is imported now, or is not any more.
func TestAnOlderWelcomeSettlesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.link()
		talk := s.set.exchange.Load().talks["clue-1"]
		durable := talk.imports[0].of
		of := durable
		of.Type = s.trace.Type("clue.hint.given")
		plain := newPlain(talk, of)
		all := []*inlet{plain}
		talk.once.Store(&all)
		before := []wire.WelcomeImport{{Type: durable.Subject, Stream: "outbox"}}
		after := append(before, wire.WelcomeImport{Type: plain.of.Subject})
		for _, step := range []struct {
			what     string
			imports  []config.Import // chosen before, unless nil
			welcome  []wire.WelcomeImport
			upToDate bool
		}{
			{"nothing was chosen", nil, before, true},
			{"to a hello of before it was imported", []config.Import{{Event: plain.of.Subject}}, before, false},
			{"to the one after", nil, after, true},
			{"to a hello of before it was left", []config.Import{}, after, false},
			{"to the one after that", nil, before, true},
		} {
			if step.imports != nil && !talk.choose(step.imports) {
				t.Errorf("%s: nothing has changed", step.what)
			}
			if err := talk.welcome(&wire.Welcome{Exporter: "clue-1", Imports: step.welcome}); err != nil {
				t.Fatal(err)
			}
			if talk.upToDate != step.upToDate {
				t.Errorf("%s: up to date %v, want %v", step.what, talk.upToDate, step.upToDate)
			}
		}
	})
}
