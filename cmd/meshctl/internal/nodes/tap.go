package nodes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// Connect opens a connection to the tap, which is not made again when it breaks. A tap with a
// Problem is Unusable.
func (t Tap) Connect(options ...nats.Option) (*nats.Conn, error) {
	if t.Problem != nil {
		return nil, &Unusable{t.Problem}
	}
	options = append([]nats.Option{nats.UserInfo(t.User, t.Password), nats.Name("meshctl"), nats.Timeout(AnswerWait), nats.NoReconnect()}, options...)
	conn, err := nats.Connect(t.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("could not be asked at %s: %w", t.URL, err)
	}
	return conn, nil
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
