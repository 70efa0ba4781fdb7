package operations

import (
	"cmp"
	"encoding/json"
	"slices"

	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/stats"
)

// part is the answer to a question for a list.
type part struct {
	List []json.RawMessage `json:"list"`
	// More counts those behind them, for which the answer has no room.
	More int `json:"more,omitempty"`
	// Damaged tells of entries that cannot be read.
	Damaged string `json:"damaged,omitempty"`
}

// envelope is what surrounds a list, in bytes at most.
const envelope = 64

// fitted encodes as many of the first of a list as there is room for, and one at least.
func fitted[T any](list []T, room int) (part, error) {
	p := part{List: []json.RawMessage{}} // a list in JSON, also without entries
	used := envelope
	for i, entry := range list {
		data, err := json.Marshal(entry)
		if err != nil {
			return p, err
		}
		if used += len(data) + 1; used > room && i > 0 {
			p.More = len(list) - i
			break
		}
		p.List = append(p.List, data)
	}
	return p, nil
}

// listed answers with a list but for the first few, as much of it as there is room for.
func listed[T any](r request, list []T) ([]byte, error) { return listedBeside(r, list, "") }

// listedBeside is listed of a list of which some cannot be read, as damaged tells.
func listedBeside[T any](r request, list []T, damaged string) ([]byte, error) {
	skip, err := skipped(r)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(damaged)
	if err != nil {
		return nil, err
	}
	p, err := fitted(list[min(skip, len(list)):], r.room-len(text))
	if err != nil {
		return nil, err
	}
	p.Damaged = damaged
	return json.Marshal(p)
}

// kept lists the cascades that the node keeps as something went wrong in them, the newest first.
// Those that cannot be read do not hide the others.
func (a *Answerer) kept(r request) ([]byte, error) {
	list, err := a.Node.Kept()
	damaged := ""
	if err != nil {
		damaged = letters.ErrorText(err)
	}
	return listedBeside(r, list, damaged)
}

// slowest lists the slowest that each handler, link and cascade took lately, the slowest first.
// With the first question the node begins to measure.
func (a *Answerer) slowest(r request) ([]byte, error) {
	a.Node.Measure()
	list := []stats.Slowest{}
	for _, d := range a.Node.Durations() {
		if slow, known := d.Slowest(); known {
			list = append(list, slow)
		}
	}
	slices.SortFunc(list, func(a, b stats.Slowest) int { return cmp.Compare(b.Took, a.Took) })
	return listed(r, list)
}
