package mesh_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// member and circle are what an object-relational mapper makes: each knows the other.
type (
	member struct {
		Name    string    `cbor:"1,keyasint"`
		Circles []*circle `cbor:"2,keyasint"`
	}
	circle struct {
		Members []*member `cbor:"1,keyasint"`
	}
)

var memberJoined = mesh.NewEvent[member]("core.member.joined")

func endless() member {
	m := &member{Name: "otter"}
	m.Circles = []*circle{{Members: []*member{m}}}
	return *m
}

// A value that refers to itself ended the process with a stack that overflowed, wherever it was
// encoded.
func TestAnEndlessValueEndsNoProcess(t *testing.T) {
	t.Run("a dead letter", func(t *testing.T) {
		box, letters := letterbox()
		n := openHandlers(t, box, memberJoined.Handle("fail", func(context.Context, member) error { return errBroken }, soon(1)))
		if err := memberJoined.Emit(n.Context(t.Context()), endless()); err != nil {
			t.Fatal(err)
		}
		if l := receive(t, letters); l.Payload != nil || !strings.Contains(l.NoPayload, "refers to itself") {
			t.Errorf("%+v", l)
		}
	})
	t.Run("the codec check", func(t *testing.T) {
		n := openCore(t, mesh.Config{CodecCheck: true})
		if err := memberJoined.Emit(n.Context(t.Context()), endless()); !errors.Is(err, mesh.ErrNotWireSafe) || !strings.Contains(err.Error(), "refers to itself") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a handler of another type", func(t *testing.T) {
		n := openHandlers(t, mesh.HandleAll(">", "all", func(_ context.Context, a mesh.Any) error {
			_, err := a.Payload()
			return err
		}, soon(1)))
		if err := memberJoined.Emit(n.Context(t.Context()), endless()); err != nil {
			t.Fatal(err)
		}
		finish(t, n)
		wantCount(t, n, memberJoined.Subject(), stats.Failed, "handler all", "", 1)
	})
}
