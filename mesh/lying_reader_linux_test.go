package mesh_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

// A reader that says that it has got what is kept for it, and reads nothing, is sent what its
// system takes and 9 MiB, and not all that there is. It gets the rest when it reads.
func TestAttackByAReaderOfWhatIsKept(t *testing.T) {
	seed, _ := keyPair(t)
	readerSeed, readerKey := keyPair(t)
	clue := durableClue(t)
	clue.Seed, clue.Listen = mesh.NewSecret(seed), "127.0.0.1:0"
	clue.Peers = []mesh.Peer{{Name: "score-1", Key: readerKey, MayImport: mesh.AllExports()}}
	n := openNode(t, clue)
	const size, many, systems = 50_000, 1000, 16 << 20 // systems: what the two ends' have in between
	text := strings.Repeat("x", size)
	for i := range int64(many) {
		emit(t, n, clueSolved, solved{Team: fmt.Sprint(i), Clue: text, At: i})
	}
	raw, err := net.Dial("tcp", n.ListenAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{certificate(t, readerSeed)}})
	say := func(message any) error {
		data := encodeTalk(t, message)
		_, err := fmt.Fprintf(c, "LMSG %s %d\r\n%s\r\n", leaf.FromReader("score-1", "clue-1"), len(data), data)
		return err
	}
	hello := &wire.Hello{Nonce: wire.ID{1}, MaxPayload: 65536, Imports: []wire.HelloImport{
		{Type: clueSolved.Subject(), Durable: true, Handlers: []string{"count"}, Events: 1 << 20, Bytes: 1 << 40}}}
	if _, err := fmt.Fprintf(c, "CONNECT %s\r\nLS+ %s\r\n", `{"name":"score-1","server_id":"score-1","headers":true,"version":"2.15.2"}`, leaf.ToReader("score-1", "clue-1")); err != nil {
		t.Fatal(err)
	}
	if err := say(hello); err != nil {
		t.Fatal(err)
	}
	sent := func() uint64 { // it says that it has got it
		link := n.Stats().Links[0]
		for others := range min(3, link.MessagesOut) { // not all messages were batches
			if err := say(&wire.Answers{Nonce: hello.Nonce, Got: link.MessagesOut - others}); err != nil {
				t.Fatal(err)
			}
		}
		return link.BytesOut
	}
	before, since := uint64(0), time.Now()
	await(t, "that no more comes", func() bool {
		if now := sent(); now != before || now == 0 {
			before, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
	if before < 9<<20 || before > 9<<20+systems {
		t.Errorf("it was sent %d bytes, of %d", before, many*size)
	}
	go io.Copy(io.Discard, bufio.NewReader(c))
	await(t, "more", func() bool { return sent() > before+4<<20 })
}
