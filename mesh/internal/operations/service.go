package operations

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/operator"
)

const (
	// serviceName is what stock clients call the nodes: nats micro info leafmesh.
	serviceName = "leafmesh"
	// maxPending and maxPendingBytes bound the requests that wait for the answer to one before, of
	// each question.
	maxPending, maxPendingBytes = 256, 4 << 20
	// maxAtOnce bounds the questions to all nodes that are under way at a time.
	maxAtOnce = 16
)

// service answers clients at the tap. It is a service as package micro of nats.go has them, on a
// connection that may publish to inboxes only: whatever a request names for its answer, the node
// does not say anything on the subjects of events. The requests of one question are answered one
// after the other, and those to all nodes beside each other.
type service struct {
	*Answerer
	conn   *nats.Conn
	closed chan struct{} // when the connection is
	life   context.Context
	end    context.CancelFunc
	asking sync.WaitGroup // questions to all nodes
	places chan struct{}  // has an element for each of these
}

func openService(server *leaf.Server, a *Answerer) (*service, error) {
	s := &service{Answerer: a, closed: make(chan struct{}), places: make(chan struct{}, maxAtOnce)}
	s.life, s.end = context.WithCancel(context.Background())
	var err error
	if s.conn, err = server.ConnectToAnswer(nats.ClosedHandler(func(*nats.Conn) { close(s.closed) })); err != nil {
		return nil, fmt.Errorf("open the operations service: %w", err)
	}
	if err = s.open(); err == nil {
		err = s.conn.Flush()
	}
	if err != nil {
		s.end()
		s.conn.Close()
		return nil, fmt.Errorf("open the operations service: %w", err)
	}
	return s, nil
}

func (s *service) open() error {
	all, err := micro.AddService(s.conn, micro.Config{Name: serviceName, Version: semantic(), Description: "a node of an event mesh",
		Metadata: map[string]string{"node": s.Name}, QueueGroupDisabled: true})
	if err != nil {
		return err
	}
	add := func(name, subject string, handler micro.HandlerFunc, metadata map[string]string) error {
		return all.AddEndpoint(name, handler, micro.WithEndpointSubject(subject), micro.WithEndpointMetadata(metadata), micro.WithEndpointPendingLimits(maxPending, maxPendingBytes))
	}
	for _, q := range questions() {
		err = errors.Join(err, add(strings.ReplaceAll(q.name, ".", "-"), operator.Prefix+q.name, s.serve, map[string]string{"may": string(q.may), "data": q.data}))
	}
	for name, prefix := range map[string]string{"all": operator.AllPrefix, "at": operator.AtPrefix} {
		err = errors.Join(err, add(name, prefix+">", s.serveAll, map[string]string{"signed": "by an operator"}))
	}
	if err != nil {
		return err
	}
	_, err = s.conn.Subscribe(operator.Prefix+">", s.serveUnknown)
	return err
}

// serve answers one request for this node.
func (s *service) serve(m micro.Request) {
	if !s.answers(m.Subject(), m.Reply()) {
		return
	}
	r := request{s.life, strings.TrimPrefix(m.Subject(), operator.Prefix), m.Data(), atTap, false, false, s.MaxPayload}
	q := operator.Question{Subject: m.Subject(), Header: nats.Header(m.Headers()), Body: m.Data()}
	data, why := s.answerAtTap(r, q)
	var err error
	if why != nil {
		err = m.Error(strconv.Itoa(why.code), why.text, nil)
	} else {
		err = m.Respond(data)
	}
	s.note(m.Subject(), err)
}

// answerAtTap answers somebody who knows the tap's password, and may sign as an operator.
func (s *service) answerAtTap(r request, q operator.Question) ([]byte, *failure) {
	if operator.IsSigned(q.Header) {
		who, _, refused := s.admit(q, questionNamed(r.name).needs(r.data))
		if refused != nil {
			s.logRefused("", who, r.name, q, refused)
			return nil, refused
		}
		r.by = who
	}
	data, refused := s.answer(r)
	if most := s.MaxPayload; len(data) > most {
		return nil, &failure{413, fmt.Sprintf("the answer has %d bytes, and a message at most %d: raise max_payload", len(data), most)}
	}
	return data, refused
}

// serveAll lets all nodes, or one of them, answer a request. It does not wait for them.
func (s *service) serveAll(m micro.Request) {
	if !s.answers(m.Subject(), m.Reply()) {
		return
	}
	q := operator.Question{Subject: m.Subject(), Header: nats.Header(m.Headers()), Body: m.Data()}
	reply := m.Reply() // not the request, which counts itself when this returns
	select {
	case s.places <- struct{}{}:
	default:
		s.respond(q.Subject, reply, nil, &failure{429, fmt.Sprintf("node %s asks all others for %d questions already: ask again in some seconds", s.Name, maxAtOnce)})
		return
	}
	s.asking.Go(func() {
		defer func() { <-s.places }()
		data, why := s.askAll(s.life, q)
		s.respond(q.Subject, reply, data, why)
	})
}

// serveUnknown answers what nobody can be asked. It hears all questions.
func (s *service) serveUnknown(m *nats.Msg) {
	name := strings.TrimPrefix(m.Subject, operator.Prefix)
	goesRound := strings.HasPrefix(m.Subject, operator.AllPrefix) || strings.HasPrefix(m.Subject, operator.AtPrefix)
	if questionNamed(name) != nil || goesRound || !s.answers(m.Subject, m.Reply) {
		return
	}
	data, why := s.answer(request{s.life, name, m.Data, atTap, false, false, s.MaxPayload})
	s.respond(m.Subject, m.Reply, data, why)
}

// respond answers a request.
func (s *service) respond(subject, reply string, data []byte, why *failure) {
	m := nats.NewMsg(reply)
	if m.Data = data; why != nil {
		m.Header.Set(micro.ErrorHeader, why.text)
		m.Header.Set(micro.ErrorCodeHeader, strconv.Itoa(why.code))
	}
	s.note(subject, s.conn.PublishMsg(m))
}

// answers reports whether somebody can be answered.
func (s *service) answers(subject, reply string) bool {
	if reply == "" {
		return false
	}
	if !leaf.IsInbox(reply) {
		s.Log.Warn("a request at the tap is not answered: the answer would go to no inbox", "subject", subject, "reply", reply)
		return false
	}
	return true
}

func (s *service) note(subject string, err error) {
	if err != nil {
		s.Log.Warn("no answer to a request at the tap", "subject", subject, "error", err)
	}
}

// stopTimeout bounds the end of the service when the context does not.
const stopTimeout = 10 * time.Second

// stop answers what has come, and ends the service; the nil service has none.
func (s *service) stop(ctx context.Context) error {
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	defer s.end()
	err := s.conn.Drain()
	if errors.Is(err, nats.ErrConnectionClosed) {
		err = nil
	}
	if err == nil {
		select {
		case <-s.closed:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	s.conn.Close()
	<-s.closed
	s.end()
	s.asking.Wait()
	if err != nil {
		return fmt.Errorf("close the operations service: %w", err)
	}
	return nil
}
