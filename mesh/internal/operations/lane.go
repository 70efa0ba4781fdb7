package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// lanePrefix begins the subjects on which a client at the tap asks about the node:
// "mesh.ops.stats".
const lanePrefix = "mesh.ops."

// The headers of an answer that is an error, as NATS services have them (NATS ADR-32): what is
// wrong, and a number of HTTP's.
const (
	errorHeader = "Nats-Service-Error"
	codeHeader  = "Nats-Service-Error-Code"
)

// Node is what operators ask.
type Node interface {
	Stats() stats.Stats
	Graph() graph.Graph
	Rules() []config.Rule
	Letters() ([]stats.Letter, error)
	Letter(key string) (stats.Letter, error)
	ReplayLetter(ctx context.Context, key string) error
	DropLetter(key string) error
	Inquire(ctx context.Context, ids ...cause.ID) ([]why.Report, error)
}

// lane answers clients at the tap who ask what the node does. It has a connection of its own, whose
// one goroutine answers one request after the other. It reads, and does as it is told with dead
// letters.
type lane struct {
	node       Node
	conn       *nats.Conn
	requests   *nats.Subscription
	log        *journal.Log
	maxPayload int // of an answer, in bytes
	inquired   inquired
}

func openLane(server *leaf.Server, node Node, log *journal.Log, maxPayload int) (*lane, error) {
	conn, err := server.Connect(leaf.Local)
	if err != nil {
		return nil, fmt.Errorf("open the operations lane: %w", err)
	}
	l := &lane{node: node, conn: conn, log: log, maxPayload: maxPayload}
	if l.requests, err = conn.Subscribe(lanePrefix+">", l.serve); err == nil {
		err = conn.Flush()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open the operations lane: %w", err)
	}
	return l, nil
}

// serve answers one request.
func (l *lane) serve(m *nats.Msg) {
	if m.Reply == "" {
		return
	}
	reply := nats.NewMsg(m.Reply)
	data, problem := l.answer(strings.TrimPrefix(m.Subject, lanePrefix), m.Data)
	if most := l.maxPayload; problem == nil && len(data) > most {
		problem = &failure{413, fmt.Sprintf("the answer has %d bytes, and a message at most %d: raise max_payload", len(data), most)}
	}
	if problem == nil {
		reply.Data = data
	} else {
		reply.Header.Set(errorHeader, problem.text)
		reply.Header.Set(codeHeader, strconv.Itoa(problem.code))
	}
	if err := l.conn.PublishMsg(reply); err != nil {
		l.log.Rarely("no answer on the operations lane", "subject", m.Subject, "error", err)
	}
}

// failure says why a request has no answer.
type failure struct {
	code int // as in HTTP
	text string
}

// questions lists what can be asked. Those about a letter take its key as data, letters may have how
// many to leave out, and those about why an id or a text with one.
const questions = "stats, graph, graph.mermaid, rules, letters, letter, letter.replay, letter.drop, why and why.text"

// replayWait is how long a request to replay a letter is kept waiting, and the others behind it.
// The replay goes on by itself then.
const replayWait = 2 * time.Second

func (l *lane) answer(question string, request []byte) ([]byte, *failure) {
	switch {
	case question == "letters":
		return l.letters(string(request))
	case strings.HasPrefix(question+".", "letter."):
		return l.letter(question, string(request))
	case question == "why" || question == "why.text":
		return l.why(question, string(request))
	}
	var data []byte
	var err error
	switch question {
	case "stats":
		data, err = json.Marshal(l.node.Stats())
	case "graph":
		data, err = json.Marshal(l.node.Graph())
	case "graph.mermaid":
		data = []byte(l.node.Graph().Mermaid())
	case "rules":
		data, err = json.Marshal(append([]config.Rule{}, l.node.Rules()...)) // a list in JSON, also without entries
	default:
		return nil, &failure{404, fmt.Sprintf("nothing is known as %.80q: ask for %s", question, questions)}
	}
	switch {
	case len(request) > 0:
		return nil, &failure{400, fmt.Sprintf("the request has %d bytes of data, and %s takes none", len(request), question)}
	case err != nil:
		return nil, &failure{500, err.Error()}
	}
	return data, nil
}

// letterList is the answer to letters.
type letterList struct {
	Letters []stats.Letter `json:"letters"`
	// More counts those behind them, for which the answer has no room.
	More int `json:"more,omitempty"`
	// Damaged tells of letters that can not be read.
	Damaged string `json:"damaged,omitempty"`
}

// letters lists those kept longest but for the first few, as many as an answer holds: a node may
// have so many that no message has room for them.
func (l *lane) letters(request string) ([]byte, *failure) {
	skip := 0
	if request != "" {
		var err error
		if skip, err = strconv.Atoi(request); err != nil || skip < 0 {
			return nil, &failure{400, fmt.Sprintf("letters takes how many of the oldest to leave out, not %.80q", request)}
		}
	}
	list, err := l.node.Letters()
	list = list[min(skip, len(list)):]
	var damaged string
	if err != nil {
		damaged = letters.ErrorText(err)
	}
	for shown := len(list); ; shown /= 2 {
		data, err := json.Marshal(letterList{Letters: list[:shown], More: len(list) - shown, Damaged: damaged})
		if err != nil {
			return nil, &failure{500, err.Error()}
		}
		switch {
		case len(data) <= l.maxPayload || shown == 0 || shown == 1 && list[0].Path == nil:
			return data, nil
		case shown == 1: // a path may be longer than all else of a letter
			list[0].Path = nil
			shown = 2
		}
	}
}

// letter shows, replays or drops the letter of a key.
func (l *lane) letter(question, key string) ([]byte, *failure) {
	data := []byte("{}")
	var err error
	switch question {
	case "letter":
		var letter stats.Letter
		if letter, err = l.node.Letter(key); err == nil {
			data, err = json.Marshal(letter)
		}
	case "letter.replay":
		ctx, cancel := context.WithTimeout(context.Background(), replayWait)
		defer cancel()
		err = l.node.ReplayLetter(ctx, key)
	case "letter.drop":
		err = l.node.DropLetter(key)
	default:
		return nil, &failure{404, fmt.Sprintf("nothing is known as %.80q: ask for %s", question, questions)}
	}
	switch {
	case errors.Is(err, letters.ErrNotFound):
		return nil, &failure{404, err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &failure{504, fmt.Sprintf("letter %.80s is still being replayed: look at letters later", key)}
	case err != nil:
		return nil, &failure{500, err.Error()}
	}
	return data, nil
}

// stopTimeout bounds the end of the lane when the context does not.
const stopTimeout = 10 * time.Second

// stop answers what has come, and ends the lane.
func (l *lane) stop(ctx context.Context) error {
	defer l.conn.Close()
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if _, err := inlet.Drain(ctx, l.requests); err != nil {
		return fmt.Errorf("close the operations lane: %w", err)
	}
	if err := l.conn.FlushWithContext(ctx); err != nil && !l.conn.IsClosed() {
		return fmt.Errorf("close the operations lane: %w", err)
	}
	return nil
}
