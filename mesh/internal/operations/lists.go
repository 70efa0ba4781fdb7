package operations

import (
	"cmp"
	"encoding/json"
	"slices"

	"leafmesh/mesh/stats"
)

// fitted encodes as many of the first of a list as an answer has room for.
func fitted[T any](a *Answerer, list []T) ([]byte, error) {
	list = append([]T{}, list...) // a list in JSON, also without entries
	for {
		data, err := json.Marshal(list)
		if err != nil || len(data) <= a.MaxPayload || len(list) <= 1 {
			return data, err
		}
		list = list[:len(list)/2]
	}
}

// kept lists the cascades that the node keeps as something went wrong in them, the newest first.
func (a *Answerer) kept(request) ([]byte, error) {
	list, err := a.Node.Kept()
	if err != nil {
		return nil, err
	}
	return fitted(a, list)
}

// slowest lists the slowest that each handler and link took lately, the slowest first. With the first
// question the node begins to measure.
func (a *Answerer) slowest(request) ([]byte, error) {
	a.Node.Measure()
	list := []stats.Slowest{}
	for _, d := range a.Node.Durations() {
		if slow, known := d.Slowest(); known {
			list = append(list, slow)
		}
	}
	slices.SortFunc(list, func(a, b stats.Slowest) int { return cmp.Compare(b.Took, a.Took) })
	return fitted(a, list)
}
