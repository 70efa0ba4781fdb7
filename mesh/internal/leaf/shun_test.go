package leaf

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/stats"
)

// noisy is an exporter that floods those who dial it with a text, once it is linked or before that.
func noisy(t *testing.T, own *node, plain, linked bool) (remote Remote, dialed *atomic.Int64) {
	t.Helper()
	dialed = &atomic.Int64{}
	secured := &tls.Config{Certificates: []tls.Certificate{own.cert(t)}, ClientAuth: tls.RequireAnyClientCert}
	info := fmt.Sprintf(`INFO {"server_id":%q,"server_name":%q,"version":"2.15.2","proto":1,"max_payload":70000,"headers":true,`+
		`"client_id":1,"info_on_connect":true,"nonce":"x"}`+"\r\n", own.name, own.name)
	block := strings.Repeat("PING\r\n", 4<<10)
	address := listen(t, func(c net.Conn) {
		dialed.Add(1)
		go func() {
			if !plain {
				c = tls.Server(c, secured)
			}
			defer func() { _ = c.Close() }()
			said := bufio.NewReader(c)
			_, err := io.WriteString(c, info)
			if err == nil && linked {
				_, err = said.ReadString('\n') // CONNECT
			}
			if err == nil && linked {
				_, err = io.WriteString(c, strings.Replace(info, "info_on_connect", "connect_info", 1))
			}
			go io.Copy(io.Discard, said)
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for ; err == nil; <-tick.C { // 2.4 MB a second
				_, err = io.WriteString(c, block)
			}
		}()
	})
	return Remote{Name: own.name, URL: "nats-leaf://" + address, Keys: []string{own.public}}, dialed
}

// An exporter that floods its link with what is no message is not dialed for a while, and then is
// again. A change of peers meanwhile does not help it.
func TestAttackByANoisyExporter(t *testing.T) {
	onLinux(t)
	for name, test := range map[string]struct{ plain, linked bool }{
		"TLS": {false, true}, "TLS, before it is linked": {false, false}, "plain": {true, true}, "plain, before it is linked": {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, mad := spec(t, "mad-1")
			remote, dialed := noisy(t, mad, test.plain, test.linked)
			score := start(t, "score-1", func(s *Spec) { s.Plain, s.tuning.shun = test.plain, 3*time.Second })
			if err := score.Link([]Remote{remote}, nil); err != nil {
				t.Fatal(err)
			}
			in := score.toExporter(t, "mad-1")
			eventually(t, "a line", func() bool {
				return strings.Contains(score.log.String(), "mad-1 at "+remote.address()+" sends too much that is no message")
			})
			before := dialed.Load()
			if err := score.Redial("mad-1"); !errors.Is(err, ErrShunned) {
				t.Errorf("dialed again: %v", err)
			}
			if err := score.Link([]Remote{remote}, nil); err != nil {
				t.Fatal(err)
			}
			in.downBy(t, stats.PutOut)
			meanwhile := dialed.Load()
			if meanwhile > before+10 { // some before the reload; it would be 30
				t.Errorf("it was dialed %d times meanwhile", meanwhile-before)
			}
			eventually(t, "another dial", func() bool { return dialed.Load() > meanwhile })
		})
	}
}

// An exporter that sends many messages, large and small, makes no noise.
func TestMessagesOfAnExporterAreNoNoise(t *testing.T) {
	onLinux(t)
	clue, score := start(t, "clue-1", nil), start(t, "score-1", nil)
	link(t, clue, score)
	in, out := score.toExporter(t, "clue-1"), clue.toReader(t, score)
	var heard atomic.Int64
	if _, err := in.Subscribe(ToReader("score-1", "clue-1"), func(*nats.Msg) { heard.Add(1) }); err != nil {
		t.Fatal(err)
	}
	out.hears(t, ToReader("score-1", "clue-1"))
	number := in.linked(t)
	eventually(t, "the socket", func() bool { return len(score.traffic(in)) == 1 })
	const many = 200_000
	for i := range many {
		size := 1
		if i%100 == 0 {
			size = 60_000
		}
		for !out.HasRoom(4 << 20) {
			time.Sleep(time.Millisecond)
		}
		if err := out.Publish(ToReader("score-1", "clue-1"), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all", func() bool { return heard.Load() == many })
	time.Sleep(2 * watchEach)
	if now, up := in.Link(); !up || now != number {
		t.Error("the link was cut")
	}
	score.quiet(t, 0)
}
