package mesh_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

// An exporter is restarted in order while events are under way: nothing is lost and nothing comes
// twice. It prints how long the first event took, from when the new process listens.
func TestOrderlyRestartOfAnExporter(t *testing.T) {
	seed, public := keyPair(t)
	config := durableClue(t)
	config.Listen, config.Links = meshtest.FreeAddress(t), mesh.Links{Plain: true}
	config.Peers = []mesh.Peer{{Name: "score-1", Key: public, MayImport: mesh.AllExports()}}
	clue, err := mesh.Open(within(t), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := clue.Close(within(t)); err != nil {
			t.Error(err)
		}
	}()
	var got calls
	score := openNode(t, dialing(durableScore(t, got.add), clue, seed))
	if err := score.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	emitted := 0
	send := func(events int) {
		for range events {
			emit(t, clue, clueSolved, solved{Team: fmt.Sprint(emitted % 7), At: int64(emitted)})
			emitted++
		}
	}
	for range 4 {
		send(300) // some are under way
		if err := clue.Close(within(t)); err != nil {
			t.Fatal(err)
		}
		if clue, err = mesh.Open(within(t), config); err != nil {
			t.Fatal(err)
		}
		listens, before := time.Now(), 0
		before, _ = got.count()
		send(1) // or nothing may be left to give
		await(t, "an event of the new process", func() bool { n, _ := got.count(); return n > before })
		t.Logf("the first event came %v after the new process listened", time.Since(listens).Round(time.Millisecond))
		await(t, "all of them", func() bool { n, _ := got.count(); return n == emitted })
	}
	await(t, "all to be settled", func() bool { return keptForScore(clue) == 0 })
	if n, most := got.count(); n != emitted || most != 1 {
		t.Errorf("%d came of %d, one of them %d times", n, emitted, most)
	}
}

// An exporter that said goodbye is looked for at once and again, and not only when the server would
// dial it anyhow. Such a look is a connection on which nothing is said; then the server dials.
func TestAnExporterThatSaidGoodbyeIsDialedAtOnce(t *testing.T) {
	clue, seeds := atClue(t, clueNode("clue-1"), "score-1")
	var got calls
	score := openNode(t, dialing(scoreNode("score-1", mesh.Shared, got.add), clue, seeds["score-1"]))
	if err := score.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	address := clue.ListenAddr()
	finish(t, clue)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	visits := make(chan string, 1000)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("INFO {\"server_id\":\"x\",\"nonce\":\"0123456789\",\"client_id\":1,\"leafnode_urls\":[\"127.0.0.1:1\"]}\r\n"))
			_ = conn.SetReadDeadline(time.Now().Add(waitLimit))
			line, _ := bufio.NewReader(conn).ReadString('\n')
			_ = conn.Close()
			visits <- strings.SplitN(line, " ", 2)[0]
		}
	}()
	defer func() {
		_ = listener.Close()
		<-ended
	}()
	looked := false
	for visit := range 6 { // the server may have been about to dial
		switch what := receive(t, visits); {
		case what == "":
			looked = true
		case looked: // then the server dialed
			return
		case visit == 5:
			t.Error("only the server dials, when it would anyhow")
		}
	}
}
