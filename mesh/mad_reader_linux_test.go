package mesh_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

// A reader with a key may say whatever it likes as fast as it can, and dial again at once when it
// is put out: it costs little, and nobody else an event. TestWhoSaysTooMuchIsPutOut and
// TestAttackByNoise of mesh/internal/leaf count where this measures.
func TestAttackByAMadReader(t *testing.T) {
	if os.Getenv("MESH_TEST_MAD") == "" {
		t.Skip("it measures, for some minutes: see make mad")
	}
	hello := &wire.Hello{Nonce: wire.ID{1}, MaxPayload: 65536, Imports: []wire.HelloImport{{Type: clueSolved.Subject(), Each: true}}}
	unknown := &wire.Hello{Nonce: wire.ID{1}, MaxPayload: 65536}
	for i := range 500 {
		unknown.Imports = append(unknown.Imports, wire.HelloImport{Type: fmt.Sprint("clue.clue.unknown", i)})
	}
	answers := &wire.Answers{Nonce: wire.ID{1}}
	for i := range uint64(1000) {
		answers.Answers = append(answers.Answers, wire.Answer{Type: clueSolved.Subject(), Sequence: i})
	}
	keep := &wire.Keep{}
	for i := range byte(64) {
		keep.Roots = append(keep.Roots, wire.ID{i})
	}
	question := &wire.Question{Number: wire.ID{9}, Wait: 1 << 40, IDs: []wire.ID{{1}}}
	var subscriptions strings.Builder
	for i := range 200 {
		fmt.Fprintf(&subscriptions, "LS%c %s.%d\r\n", "+-"[i/100], leaf.ToReader("mad-1", "clue-1"), i%100)
	}
	const much, noise = "mad-1 says too much", "mad-1 sends too much that is no message"
	for name, test := range map[string]struct {
		attack func(ctx context.Context, c net.Conn)
		want   string
		large  bool    // events
		at     int     // links at a time; 0: one
		memory int     // what it may cost, in bytes; 0: madMemory
		share  float64 // of a processor; 0: madShare
	}{
		"hellos":               {attack: shout(said(t, hello)), want: much},
		"hellos for all sorts": {attack: shout(said(t, unknown)), want: much},
		"answers":              {attack: shout(said(t, answers)), want: much},
		"what is to be kept":   {attack: shout(said(t, keep)), want: much},
		"questions":            {attack: shout(said(t, question)), want: much},
		"reports":              {attack: shout(said(t, &wire.Report{Number: wire.ID{9}, Part: make([]byte, 1000), More: true})), want: much},
		"nonsense":             {attack: shout(saying([]byte("?"))), want: much},
		"large messages":       {attack: shout(saying(make([]byte, 60_000))), want: much},
		"too large messages":   {attack: shout(saying(make([]byte, 600_000))), want: "maximum payload"},
		"what it may not say":  {attack: shout("LMSG $JS.API.STREAM.DELETE.OUTBOX 1\r\nx\r\n"), want: "links again and again"},
		"subscriptions":        {attack: shout(subscriptions.String()), want: noise},
		"pings":                {attack: shout("PING\r\n"), want: noise},
		"infos":                {attack: shout("INFO {\"server_id\":\"mad-1\"}\r\n"), want: noise},
		// nats-server takes all connections, and refuses them then: see docs/security.md.
		"a thousand links":                           {attack: func(ctx context.Context, _ net.Conn) { <-ctx.Done() }, want: "too many connections", at: 1013, memory: 40 << 20, share: 2 * madShare},
		"links that come and go":                     {attack: func(_ context.Context, c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, want: "links again and again"},
		"hellos at the bound":                        {attack: speak(said(t, hello), 150)},
		"answers at the bound":                       {attack: speak(said(t, answers), 800)},
		"keeps at the bound":                         {attack: speak(said(t, keep), 550)},
		"reading nothing":                            {attack: readNothing(t, hello), large: true},
		"reading nothing, saying that all was taken": {attack: lie(t, hello), large: true},
	} {
		t.Run(name, func(t *testing.T) {
			seed, key := keyPair(t)
			s := victimSpec{Mad: key, Size: 100, Every: 10 * time.Millisecond, Memory: test.memory, Share: test.share}
			if test.at > 0 {
				s.Lasts = madOutFor
			}
			if test.large {
				s.Size, s.Every = 12_000, time.Millisecond // 12 MB a second
				s.Lasts = madOutFor
			}
			own := certificate(t, seed)
			attacked(t, s, test.want, func(ctx context.Context, v *victim) {
				var links sync.WaitGroup
				for range max(1, test.at) {
					links.Go(func() {
						for ctx.Err() == nil {
							dialMad(ctx, v.address, own, test.attack)
						}
					})
				}
				links.Wait()
			})
		})
	}
}

// dialMad links as mad-1, and attacks until the link ends.
func dialMad(ctx context.Context, address string, own tls.Certificate, attack func(ctx context.Context, c net.Conn)) {
	raw, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	defer raw.Close()
	c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own}})
	connect := `CONNECT {"name":"mad-1","server_id":"mad-1","headers":true,"version":"2.15.2"}`
	if _, err := fmt.Fprintf(c, "%s\r\nLS+ %s\r\nLS+ %s\r\n", connect, leaf.ToReader("mad-1", "clue-1"), eventsToMad); err == nil {
		attack(ctx, c)
	}
}

var eventsToMad = leaf.EventsTo("mad-1", "clue-1", clueSolved.Subject())

// saying is what a reader says, in NATS's protocol.
func saying(data []byte) string {
	return fmt.Sprintf("LMSG %s %d\r\n%s\r\n", leaf.FromReader("mad-1", "clue-1"), len(data), data)
}

func said(t *testing.T, m any) string { t.Helper(); return saying(encodeTalk(t, m)) }

// shout says a text without end, and reads all.
func shout(text string) func(context.Context, net.Conn) {
	block := []byte(strings.Repeat(text, max(1, 64_000/len(text))))
	return func(_ context.Context, c net.Conn) {
		go io.Copy(io.Discard, c)
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	}
}

// speak says a text so many times a second, and reads all.
func speak(text string, each int) func(context.Context, net.Conn) {
	block := []byte(strings.Repeat(text, each/50))
	return func(ctx context.Context, c net.Conn) {
		go io.Copy(io.Discard, c)
		tick := time.NewTicker(time.Second / 50)
		defer tick.Stop()
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// readNothing says hello, and reads nothing.
func readNothing(t *testing.T, hello *wire.Hello) func(context.Context, net.Conn) {
	text := said(t, hello)
	return func(ctx context.Context, c net.Conn) {
		_, _ = io.WriteString(c, text)
		<-ctx.Done()
	}
}

// lie says hello, reads one event, and says ever after that it has taken all.
func lie(t *testing.T, hello *wire.Hello) func(context.Context, net.Conn) {
	text := said(t, hello)
	return func(ctx context.Context, c net.Conn) {
		_, _ = io.WriteString(c, text)
		run := runOf(bufio.NewReader(c))
		taken := []byte(said(t, &wire.Taken{Nonce: hello.Nonce, Types: []wire.TakenType{{Type: clueSolved.Subject(), Run: run, Count: 1 << 62}}}))
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			if _, err := c.Write(taken); err != nil {
				return
			}
			<-tick.C
		}
	}
}

// runOf reads the run of the first event: see wire.AppendPlace. It is 0 if there is none.
func runOf(lines *bufio.Reader) uint64 {
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return 0
		}
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "LMSG" {
			continue
		}
		size, _ := strconv.Atoi(words[len(words)-1])
		data := make([]byte, size+2)
		if _, err := io.ReadFull(lines, data); err != nil {
			return 0
		}
		if words[1] == eventsToMad {
			run, _, _, _ := wire.SplitPlace(data[:size])
			return run
		}
	}
}
