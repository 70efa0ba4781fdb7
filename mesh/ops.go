package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/leaf"
)

// opsPrefix begins the subjects on which a client at the tap asks about the node:
// "mesh.ops.stats".
const opsPrefix = "mesh.ops."

// The headers of an answer that is an error, as NATS services have them (NATS
// ADR-32): what is wrong, and a number of HTTP's.
const (
	opsErrorHeader = "Nats-Service-Error"
	opsCodeHeader  = "Nats-Service-Error-Code"
)

// ops is the operations lane: it answers clients at the tap who ask what the
// node does. It has a connection of its own, whose one goroutine answers one
// request after the other, and asks no rule, no guard and no queue: a node at
// its limits still answers. It reads, and does as it is told with dead letters.
type ops struct {
	node     *Node
	conn     *nats.Conn
	requests *nats.Subscription
}

// openOps opens the lane. It ends last of all, with [ops.stop].
func (n *Node) openOps() error {
	conn, err := n.leaf.Connect(leaf.Local)
	if err != nil {
		return fmt.Errorf("mesh: open the operations lane of node %s: %w", n.name, err)
	}
	n.ops = &ops{node: n, conn: conn}
	if n.ops.requests, err = conn.Subscribe(opsPrefix+">", n.ops.serve); err == nil {
		err = conn.Flush()
	}
	if err != nil {
		return fmt.Errorf("mesh: open the operations lane of node %s: %w", n.name, err)
	}
	return nil
}

// serve answers one request.
func (o *ops) serve(m *nats.Msg) {
	if m.Reply == "" {
		return
	}
	reply := nats.NewMsg(m.Reply)
	data, problem := o.answer(strings.TrimPrefix(m.Subject, opsPrefix), m.Data)
	if most := o.node.config.MaxPayload; problem == nil && len(data) > most {
		problem = &opsError{413, fmt.Sprintf("the answer has %d bytes, and a message at most %d: raise max_payload", len(data), most)}
	}
	if problem == nil {
		reply.Data = data
	} else {
		reply.Header.Set(opsErrorHeader, problem.text)
		reply.Header.Set(opsCodeHeader, strconv.Itoa(problem.code))
	}
	if err := o.conn.PublishMsg(reply); err != nil {
		o.node.logRarely("no answer on the operations lane", "subject", m.Subject, "error", err)
	}
}

// opsError says why a request has no answer.
type opsError struct {
	code int // as in HTTP
	text string
}

// questions lists what can be asked. The last three take a letter's key as data, and
// letters may have how many to leave out.
const questions = "stats, graph, graph.mermaid, rules, letters, letter, letter.replay and letter.drop"

// replayWait is how long a request to replay a letter is kept waiting, and the others
// behind it. The replay goes on by itself then.
const replayWait = 2 * time.Second

func (o *ops) answer(question string, request []byte) ([]byte, *opsError) {
	switch {
	case question == "letters":
		return o.letters(string(request))
	case strings.HasPrefix(question+".", "letter."):
		return o.letter(question, string(request))
	}
	var data []byte
	var err error
	switch question {
	case "stats":
		data, err = json.Marshal(o.node.Stats())
	case "graph":
		data, err = json.Marshal(o.node.Graph())
	case "graph.mermaid":
		data = []byte(o.node.Graph().Mermaid())
	case "rules":
		data, err = rulesJSON(o.node.Rules())
	default:
		return nil, &opsError{404, fmt.Sprintf("nothing is known as %.80q: ask for %s", question, questions)}
	}
	switch {
	case len(request) > 0:
		return nil, &opsError{400, fmt.Sprintf("the request has %d bytes of data, and %s takes none", len(request), question)}
	case err != nil:
		return nil, &opsError{500, err.Error()}
	}
	return data, nil
}

// letterList is the answer to letters.
type letterList struct {
	Letters []Letter `json:"letters"`
	// More counts those behind them, for which the answer has no room.
	More int `json:"more,omitempty"`
	// Damaged tells of letters that can not be read.
	Damaged string `json:"damaged,omitempty"`
}

// letters lists those kept longest but for the first few, as many as an answer holds:
// a node may have so many that no message has room for them.
func (o *ops) letters(request string) ([]byte, *opsError) {
	skip := 0
	if request != "" {
		var err error
		if skip, err = strconv.Atoi(request); err != nil || skip < 0 {
			return nil, &opsError{400, fmt.Sprintf("letters takes how many of the oldest to leave out, not %.80q", request)}
		}
	}
	list, err := o.node.Letters()
	list = list[min(skip, len(list)):]
	var damaged string
	if err != nil {
		damaged = errorText(err)
	}
	for shown := len(list); ; shown /= 2 {
		data, err := json.Marshal(letterList{Letters: list[:shown], More: len(list) - shown, Damaged: damaged})
		if err != nil {
			return nil, &opsError{500, err.Error()}
		}
		if len(data) <= o.node.config.MaxPayload || shown <= 1 {
			return data, nil
		}
	}
}

// letter shows, replays or drops the letter of a key.
func (o *ops) letter(question, key string) ([]byte, *opsError) {
	data := []byte("{}")
	var err error
	switch question {
	case "letter":
		var l Letter
		if l, err = o.node.Letter(key); err == nil {
			data, err = json.Marshal(l)
		}
	case "letter.replay":
		ctx, cancel := context.WithTimeout(context.Background(), replayWait)
		defer cancel()
		err = o.node.ReplayLetter(ctx, key)
	case "letter.drop":
		err = o.node.DropLetter(key)
	default:
		return nil, &opsError{404, fmt.Sprintf("nothing is known as %.80q: ask for %s", question, questions)}
	}
	switch {
	case errors.Is(err, ErrNoLetter):
		return nil, &opsError{404, err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &opsError{504, fmt.Sprintf("letter %.80s is still being replayed: look at letters later", key)}
	case err != nil:
		return nil, &opsError{500, err.Error()}
	}
	return data, nil
}

// rulesJSON gives rules with the keys and texts that they have in a node's file,
// so that what is read here can be written there: JSON is YAML.
func rulesJSON(rules []Rule) ([]byte, error) {
	text, err := yaml.Marshal(rules)
	if err != nil {
		return nil, err
	}
	entries := []map[string]any{}
	if err := yaml.Unmarshal(text, &entries); err != nil {
		return nil, err
	}
	return json.Marshal(entries)
}

// stop answers what has come, and ends the lane.
func (o *ops) stop(ctx context.Context) error {
	defer o.conn.Close()
	if o.requests == nil { // it did not open
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if _, err := drain(ctx, o.requests); err != nil {
		return fmt.Errorf("mesh: close the operations lane of node %s: %w", o.node.name, err)
	}
	if err := o.conn.FlushWithContext(ctx); err != nil && !o.conn.IsClosed() {
		return fmt.Errorf("mesh: close the operations lane of node %s: %w", o.node.name, err)
	}
	return nil
}
