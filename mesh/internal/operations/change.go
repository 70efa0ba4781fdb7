package operations

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

// done is the answer to a change.
var done = []byte("{}")

// setRules replaces the rules: by a list, or by what has a list and how long it is to last.
func (a *Answerer) setRules(r request) ([]byte, error) {
	var change struct {
		Rules *[]config.Rule `json:"rules"`
		For   string         `json:"for"`
	}
	var err error
	if trimmed := bytes.TrimSpace(r.data); len(trimmed) > 0 && trimmed[0] == '[' {
		err = decode(trimmed, &change.Rules)
	} else {
		err = decode(r.data, &change)
	}
	if err != nil || change.Rules == nil {
		return nil, notUnderstood(r.name, `a list of rules as rules answers it, or {"rules": that list, "for": "10m"}`, err)
	}
	d, err := lasting(change.For)
	if err != nil {
		return nil, err
	}
	if err := a.Node.SetRulesFor(*change.Rules, d, r.by.Name); err != nil {
		return nil, &failure{400, oneLine(err)}
	}
	return done, nil
}

// cut cuts a place off, or restores it.
func (a *Answerer) cut(r request) ([]byte, error) {
	var change struct {
		Type    string `json:"type"`
		Handler string `json:"handler"`
		Place   string `json:"place"`
		For     string `json:"for"`
	}
	err := decode(r.data, &change)
	if err != nil || change.Type == "" || (change.Handler == "") == (change.Place == "") {
		return nil, notUnderstood(r.name, `{"type": an event type, "handler": a handler's name}, or "place": "export" in place of a handler, and "for": "10m" if it is not for good`, err)
	}
	d, err := lasting(change.For)
	if err != nil {
		return nil, err
	}
	place := change.Place
	if change.Handler != "" {
		place = "handler " + change.Handler
	}
	switch err := a.Node.CutFor(change.Type, place, r.name == "cut", d, r.by.Name); {
	case errors.Is(err, stats.ErrNotHere):
		return nil, err
	case err != nil:
		return nil, &failure{400, err.Error()}
	}
	return done, nil
}

// decode reads one JSON value, without keys that are not known: a misspelt one would change
// something else than was meant.
func decode(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("something follows it")
	}
	return nil
}

func notUnderstood(name, want string, err error) *failure {
	text := fmt.Sprintf("%s takes %s", name, want)
	if err != nil {
		text += ": " + err.Error()
	}
	return &failure{400, text}
}

// A change that is not for good lasts so long.
const minLasting, maxLasting = time.Second, 7 * 24 * time.Hour

func lasting(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < minLasting || d > maxLasting {
		return 0, &failure{400, fmt.Sprintf(`for is how long the change lasts, from %v to %v, as in "10m", not %.80q`, minLasting, maxLasting, text)}
	}
	return d, nil
}

// retrying lists what is to be tried again but for the first few, as much as an answer has room
// for: the next to come first. Who asks on until a list is empty has all.
func (a *Answerer) retrying(r request) ([]byte, error) {
	skip, err := skipped(r)
	if err != nil {
		return nil, err
	}
	list := a.Node.Retrying()
	p, err := fitted(list[min(skip, len(list)):], r.room)
	if err != nil {
		return nil, err
	}
	return json.Marshal(p.List)
}

// skipped is how many of the first a request leaves out.
func skipped(r request) (int, error) {
	if len(r.data) == 0 {
		return 0, nil
	}
	skip, err := strconv.Atoi(string(r.data))
	if err != nil || skip < 0 {
		return 0, &failure{400, fmt.Sprintf("%s takes how many of the first to leave out, not %.80q", r.name, r.data)}
	}
	return skip, nil
}
