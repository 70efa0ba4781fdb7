package nodes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"leafmesh/mesh/operator"
)

// Signed is all nodes that can be reached over links from one of the taps, the first that answers.
// An operator's key signs each question, and each node that answers checks it. It is not wiped.
func Signed(taps []Tap, operator nkeys.KeyPair) Mesh {
	return &signed{newDirect(taps, signerOf(operator))}
}

type signed struct{ *direct }

// signer adds the headers of a signature to a question, if somebody signs it.
type signer func(m *nats.Msg) error

// unsigned is the signer of whoever is known by the tap's password alone.
func unsigned(*nats.Msg) error { return nil }

func signerOf(pair nkeys.KeyPair) signer {
	return func(m *nats.Msg) (err error) {
		m.Header, err = operator.Sign(pair, m.Subject, m.Data)
		return err
	}
}

// AskOne asks the node at its own tap, or through the others if that is not among those given. It
// signs either way: the node logs who asks, and what the operator may do counts. One who asks for
// many things, such as to replay many letters, may be told to ask again later: then it does, and
// gives up when that has taken as long as an answer may.
func (s *signed) AskOne(ctx context.Context, node, question string, data []byte) Answer {
	var told time.Time // to ask again, for the first time
	for {
		a := s.askOne(ctx, node, question, data)
		p, ok := errors.AsType[*Problem](a.Err)
		switch {
		case !ok || p.Code != tooMany:
			return a
		case told.IsZero():
			told = time.Now()
		case time.Since(told) > AnswerWait:
			return a
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return a
		}
	}
}

// tooMany is the code of a question that a node has not looked at, as there were too many before
// it, and pause is how long to wait then.
const (
	tooMany = 429
	pause   = 100 * time.Millisecond
)

func (s *signed) askOne(ctx context.Context, node, question string, data []byte) Answer {
	if a := s.direct.AskOne(ctx, node, question, data); !errors.Is(a.Err, ErrNoTap) {
		return a
	}
	answers := s.ask(ctx, operator.AtPrefix+node+"."+question, data)
	for _, a := range answers {
		if a.Node == node || a.Err != nil { // that of the way there, in the end
			return Answer{Node: node, Data: a.Data, Err: a.Err, Asked: a.Asked, Got: a.Got}
		}
	}
	return Answer{Node: node, Err: ErrSilent}
}

// skipHeader says how many nodes' answers to leave out: those that came before.
const skipHeader = "Mesh-Skip"

// everywhere is the answer of a node that asked all.
type everywhere struct {
	Answers []struct {
		Node   string
		Answer json.RawMessage
		Error  string
		Code   int
	}
	Silent []string
	// More counts the answers for which the message has no room.
	More int
}

// Ask asks through the first tap that can be reached; those before it are no loss, unless they
// cannot be used at all. Changes are asked once: after an error of the node itself no other one is
// tried.
func (s *signed) Ask(ctx context.Context, question string, data []byte) []Answer {
	answers := append(s.ask(ctx, operator.AllPrefix+question, data), s.unusable(ctx)...)
	slices.SortStableFunc(answers, func(a, b Answer) int { return cmp.Compare(a.Node, b.Node) })
	return answers
}

func (s *signed) ask(ctx context.Context, subject string, data []byte) (answers []Answer) {
	for _, l := range s.taps {
		if l.problem != nil {
			continue
		}
		conn, name, err := l.open(ctx)
		if err != nil {
			answers = append(answers, Answer{Node: name, Err: err})
			continue
		}
		answers, err = s.askAll(ctx, conn, subject, data)
		if err != nil {
			answers = append(answers, Answer{Node: name, Err: err})
		}
		break
	}
	return answers
}

// askAll asks for as many messages as the answers take.
func (s *signed) askAll(ctx context.Context, conn *nats.Conn, subject string, data []byte) (answers []Answer, err error) {
	silent := map[string]bool{}
	for {
		m := &nats.Msg{Subject: subject, Data: data}
		if err = s.sign(m); err != nil {
			return answers, err
		}
		m.Header.Set(skipHeader, strconv.Itoa(len(answers)))
		asked := time.Now()
		encoded, err := request(ctx, conn, m)
		got := time.Now()
		if err != nil {
			return answers, err
		}
		var page everywhere
		if err := json.Unmarshal(encoded, &page); err != nil {
			return answers, fmt.Errorf("an answer that cannot be read: %w", err)
		}
		for _, a := range page.Answers {
			answer := Answer{Node: a.Node, Data: a.Answer, Asked: asked, Got: got}
			if a.Error != "" {
				answer.Data, answer.Err = nil, &Problem{a.Code, a.Error}
			}
			answers = append(answers, answer)
		}
		for _, node := range page.Silent {
			silent[node] = true
		}
		switch {
		case page.More == 0:
			for node := range silent {
				answers = append(answers, Answer{Node: node, Err: ErrSilent})
			}
			return answers, nil
		case len(page.Answers) == 0:
			return answers, errors.New("an answer of one node is larger than a message: raise max_payload")
		}
	}
}
