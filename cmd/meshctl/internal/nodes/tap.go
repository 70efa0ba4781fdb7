package nodes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// Tap is where a node is asked.
type Tap struct {
	// Name is that of the node; "" while it is not known.
	Name string
	// URL is where the tap listens, without user and password.
	URL            string
	User, Password string
	// Problem is nil, or says why the node cannot be asked, as what names its tap cannot be read.
	Problem error
}

// Unusable is the error of a node that could not be asked, as what names its tap cannot be read.
type Unusable struct{ Err error }

// Error is the text of Err.
func (u *Unusable) Error() string { return u.Err.Error() }

// Unwrap is Err.
func (u *Unusable) Unwrap() error { return u.Err }

// Title is what people know the tap by.
func (t Tap) Title() string { return cmp.Or(t.Name, t.URL) }

// AnswerWait is how long a node may take for an answer. It asks others for at most 2 s.
const AnswerWait = 5 * time.Second

const (
	prefix = "mesh.ops."

	// The headers of an answer that is an error, as NATS services have them (NATS ADR-32).
	errorHeader = "Nats-Service-Error"
	codeHeader  = "Nats-Service-Error-Code"
)

// ErrInterrupted is the error of a node that was not waited for, as whoever asked was told to stop.
var ErrInterrupted = errors.New("interrupted before it answered")

// Connect opens a connection to the tap, which is not made again when it breaks. It outlives
// ctx, which bounds how long it may take to make it. A tap with a Problem is Unusable.
func (t Tap) Connect(ctx context.Context, options ...nats.Option) (*nats.Conn, error) {
	if t.Problem != nil {
		return nil, &Unusable{t.Problem}
	}
	d := &dialer{ctx: ctx}
	options = append([]nats.Option{nats.UserInfo(t.User, t.Password), nats.Name("meshctl"), nats.Timeout(AnswerWait), nats.NoReconnect(),
		nats.SetCustomDialer(d), nats.SkipHostLookup()}, options...)
	conn, err := nats.Connect(t.URL, options...)
	if !d.done() && err == nil { // ctx ended, and the connection with it
		conn.Close()
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, ErrInterrupted
	case ctx.Err() != nil:
		return nil, fmt.Errorf("could not be asked at %s: %w", t.URL, ctx.Err())
	case errors.Is(err, nats.ErrAuthorization):
		return nil, fmt.Errorf("the tap at %s does not take this user and password: %w", t.URL, err)
	case err != nil:
		return nil, fmt.Errorf("could not be asked at %s: %w", t.URL, err)
	}
	return conn, nil
}

// dialer dials for as long as a context holds. The client of NATS knows no context while it
// connects, and waits for the first word of a server as long as for the dial.
type dialer struct {
	ctx  context.Context
	stop []func() bool
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: AnswerWait}).DialContext(d.ctx, network, address)
	if err == nil {
		d.stop = append(d.stop, context.AfterFunc(d.ctx, func() { _ = conn.Close() })) // nobody waits for it any more
	}
	return conn, err
}

// done lets what was dialed outlive the context. It reports whether it does.
func (d *dialer) done() bool {
	lives := true
	for _, stop := range d.stop {
		lives = stop() && lives
	}
	return lives
}

// Ask asks the node at the end of a connection.
func Ask(ctx context.Context, conn *nats.Conn, question string, data []byte) ([]byte, error) {
	return request(ctx, conn, &nats.Msg{Subject: prefix + question, Data: data})
}

func request(ctx context.Context, conn *nats.Conn, m *nats.Msg) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerWait)
	defer cancel()
	answer, err := conn.RequestMsgWithContext(ctx, m)
	switch {
	case errors.Is(err, context.Canceled):
		return nil, ErrInterrupted
	case errors.Is(err, nats.ErrNoResponders):
		return nil, errors.New("it does not answer operators: it runs an older version, or is closing")
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("no answer within %v", AnswerWait)
	case err != nil:
		return nil, fmt.Errorf("no answer: %w", err)
	case answer.Header.Get(errorHeader) != "":
		code, _ := strconv.Atoi(answer.Header.Get(codeHeader)) // 0 is as good as none
		return nil, &Problem{code, answer.Header.Get(errorHeader)}
	}
	return answer.Data, nil
}
