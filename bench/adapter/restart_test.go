package adapter

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
)

// restartVerb is the first argument of this program when the suite runs it to restart a bus, which
// lives in the process of the tests. The second one is the address to ask.
const restartVerb = "restart-the-bus"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == restartVerb {
		if err := askForRestart(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// askForRestart connects and reads until the other end closes: nothing, or an error.
func askForRestart(address string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	answer, err := io.ReadAll(c)
	if err == nil && len(answer) > 0 {
		err = errors.New(string(answer))
	}
	return err
}

// listenForRestarts gives the command that restarts the buses. With the race detector there is
// none, so that the suite skips TestReconnect: the test itself races (test_pubsub.go:1086, a slice
// that one goroutine appends to is read by another).
func (p *places) listenForRestarts(t *testing.T) []string {
	if raceDetector {
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() { // ends with the listener
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			if err := p.restartAll(); err != nil {
				fmt.Fprint(c, err)
			}
			c.Close()
		}
	}()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{program, restartVerb, listener.Addr().String()}
}
