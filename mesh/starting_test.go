package mesh_test

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/meshtest"
)

// Who dials a node without rest while it starts is answered by all of it or not at all: the first
// hello is welcomed, and the first question at the tap has a reply.
func TestAttackANodeThatStarts(t *testing.T) {
	starts := 100
	if testing.Short() {
		starts = 20
	}
	seed, _ := keyPair(t)
	readerSeed, readerKey := keyPair(t)
	own := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{certificate(t, readerSeed)}}
	hello := &wire.Hello{Nonce: wire.ID{1}, MaxPayload: 65536,
		Imports: []wire.HelloImport{{Type: clueSolved.Subject(), Durable: true, Handlers: []string{"count"}, Events: 8, Bytes: 1 << 20}}}
	config := durableClue(t)
	config.Seed, config.Listen = mesh.NewSecret(seed), meshtest.FreeAddress(t)
	config.Peers = []mesh.Peer{{Name: "score-1", Key: readerKey, MayImport: mesh.AllExports()}}
	config.Tap = loopbackTap(t)
	config.Tap.Listen = meshtest.FreeAddress(t)
	for range starts {
		var dialing sync.WaitGroup
		dialing.Go(func() {
			if said, err := greetWhenItListens(config.Listen, own, encodeTalk(t, hello)); err != nil {
				t.Error(err)
			} else if welcome, ok := said.(*wire.Welcome); !ok || welcome.Imports[0].Stream == "" {
				t.Errorf("the first hello has the answer %#v", said)
			}
		})
		dialing.Go(func() {
			if err := askWhenItListens(config.Tap.Listen); err != nil {
				t.Errorf("the first question at the tap: %v", err)
			}
		})
		n, err := mesh.Open(within(t), config)
		if err != nil {
			t.Fatal(err)
		}
		dialing.Wait()
		if err := n.Close(within(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// certificate is that of a node, by which it proves its nkey.
func certificate(t *testing.T, seed string) tls.Certificate {
	t.Helper()
	_, raw, err := nkeys.DecodeSeed([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(raw)
	public := private.Public().(ed25519.PublicKey)
	name, err := nkeys.Encode(nkeys.PrefixByteUser, public)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{string(name)}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// untilItListens dials without rest.
func untilItListens(address string) (net.Conn, error) {
	for end := time.Now().Add(waitLimit); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil || time.Now().After(end) {
			return conn, err
		}
	}
}

// greetWhenItListens links as score-1 at the first moment, says hello, and returns what is said
// then. On a busy machine a node takes longer to start than a handshake may wait: then it dials
// again.
func greetWhenItListens(address string, own *tls.Config, hello []byte) (said any, err error) {
	for end := time.Now().Add(waitLimit); ; {
		said, err = greet(address, own, hello)
		if refused := (&net.OpError{}); !errors.As(err, &refused) || refused.Op != "remote error" || time.Now().After(end) {
			return said, err
		}
	}
}

func greet(address string, own *tls.Config, hello []byte) (any, error) {
	raw, err := untilItListens(address)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(waitLimit)); err != nil {
		return nil, err
	}
	c, to, from := tls.Client(raw, own), leaf.ToReader("score-1", "clue-1"), leaf.FromReader("score-1", "clue-1")
	if _, err := fmt.Fprintf(c, "CONNECT {\"name\":\"score-1\",\"headers\":true,\"version\":\"2.15.2\"}\r\nLS+ %s\r\nLMSG %s %d\r\n%s\r\n", to, from, len(hello), hello); err != nil {
		return nil, err
	}
	for lines := bufio.NewReader(c); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if words := strings.Fields(line); len(words) == 3 && words[0] == "LMSG" && words[1] == to {
			size, _ := strconv.Atoi(words[2])
			data := make([]byte, size)
			if _, err := io.ReadFull(lines, data); err != nil {
				return nil, err
			}
			return wire.DecodeTalk(data)
		}
	}
}

// askWhenItListens asks at a tap at the first moment.
func askWhenItListens(address string) error {
	conn, err := untilItListens(address)
	if err != nil {
		return err
	}
	_ = conn.Close()
	client, err := nats.Connect("nats://dev:"+tapPassword+"@"+address, nats.NoReconnect())
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Request("mesh.emit.clue.clue.unknown.k", nil, waitLimit)
	return err
}
