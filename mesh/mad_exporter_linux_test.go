package mesh_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

// An exporter with a key may send whatever it likes as fast as it can to a node that dials it: it
// costs little, and nobody else an event. TestAttackByANoisyExporter of mesh/internal/leaf counts
// where this measures.
func TestAttackByAMadExporter(t *testing.T) {
	if os.Getenv("MESH_TEST_MAD") == "" {
		t.Skip("it measures, for some minutes: see make mad")
	}
	for name, test := range map[string]struct {
		text   string
		linked bool
	}{
		"pings":                     {"PING\r\n", true},
		"infos":                     {"INFO {\"server_id\":\"mad-1\"}\r\n", true},
		"pings before it is linked": {"PING\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			seed, key := keyPair(t)
			own := certificate(t, seed)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = listener.Close() }()
			s := victimSpec{Mad: key, Size: 100, Every: 10 * time.Millisecond, Dials: listener.Addr().String()}
			attacked(t, s, "mad-1 at "+s.Dials+" sends too much that is no message", func(ctx context.Context, _ *victim) {
				defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
				for {
					raw, err := listener.Accept()
					if err != nil {
						return
					}
					go flood(ctx, tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAnyClientCert}), test.text, test.linked)
				}
			})
		})
	}
}

// flood greets who dials, and then says a text without end.
func flood(ctx context.Context, c net.Conn, text string, linked bool) {
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer func() { _ = c.Close() }()
	const info = `INFO {"server_id":"mad-1","server_name":"mad-1","version":"2.15.2","proto":1,"max_payload":70000,"headers":true,"client_id":1,"nonce":"x",` + "%q:true}\r\n"
	if _, err := fmt.Fprintf(c, info, "info_on_connect"); err != nil {
		return
	}
	if linked {
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil { // CONNECT
			return
		}
		if _, err := fmt.Fprintf(c, info, "connect_info"); err != nil {
			return
		}
	}
	shout(text)(ctx, c)
}
