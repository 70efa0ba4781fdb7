package leaf

import (
	"crypto/tls"
	"net"
	"testing"
	"time"
)

// What a handshake costs both ends together, with the key exchange of links and with one that adds
// ML-KEM: see curves.
func BenchmarkHandshake(b *testing.B) {
	own := func(name string) (Spec, *node) {
		s, n := spec(b, name)
		proof, err := newNkeyProof(n.seed)
		if err != nil {
			b.Fatal(err)
		}
		s.proof, s.seen = proof, func(Remote, error) {}
		s = s.withDefaults()
		s.sockets.admit(1, 1<<20, 1<<20)
		s.sockets.serve()
		return s, n
	}
	clue, exporter := own("clue-1")
	score, importer := own("score-1")
	clue.Importers = []Importer{importer.importer()}
	clue.sockets.admit(1<<20, 1<<20, 1<<30)
	remote := Remote{Name: "clue-1", URL: "nats-leaf://127.0.0.1:7401", Keys: []string{exporter.public}}
	for name, by := range map[string][]tls.CurveID{"X25519": curves, "with ML-KEM": {tls.X25519MLKEM768}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			listening, dialing := clue.listening(), score.dialing(remote)
			listening.CurvePreferences, dialing.CurvePreferences = by, by
			for b.Loop() {
				here, there := net.Pipe()
				accepted, dialed := tls.Server(addressed{here}, listening), tls.Client(there, dialing)
				ended := make(chan error)
				go func() { ended <- accepted.Handshake() }()
				if err := dialed.Handshake(); err != nil {
					b.Fatal(err)
				}
				if err := <-ended; err != nil {
					b.Fatal(err)
				}
				clue.sockets.leave("10.0.0.1:1")
				_ = here.SetDeadline(time.Now()) // nobody says goodbye
				_, _ = here.Close(), there.Close()
			}
		})
	}
}

// addressed is a connection with an address, which a pipe has none of.
type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr { return fakeAddr("10.0.0.1:1") }
