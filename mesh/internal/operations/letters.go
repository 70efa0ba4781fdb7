package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/stats"
)

// replayWait is how long a request to replay a letter is kept waiting, and the others behind it.
// The replay goes on by itself then.
const replayWait = 2 * time.Second

// letterList is the answer to letters.
type letterList struct {
	Letters []stats.Letter `json:"letters"`
	// More counts those behind them, for which the answer has no room.
	More int `json:"more,omitempty"`
	// Damaged tells of letters that cannot be read.
	Damaged string `json:"damaged,omitempty"`
}

// letters lists those kept longest but for the first few, as many as an answer holds: a node may
// have so many that no message has room for them.
func (a *Answerer) letters(r request) ([]byte, error) {
	skip, err := skipped(r)
	if err != nil {
		return nil, err
	}
	list, err := a.Node.Letters()
	list = list[min(skip, len(list)):]
	var damaged string
	if err != nil {
		damaged = letters.ErrorText(err)
	}
	for shown := len(list); ; shown /= 2 {
		data, err := json.Marshal(letterList{Letters: list[:shown], More: len(list) - shown, Damaged: damaged})
		if err != nil {
			return nil, err
		}
		switch {
		case len(data) <= r.room || shown == 0 || shown == 1 && list[0].Path == nil:
			return data, nil
		case shown == 1: // a path may be longer than all else of a letter
			list[0].Path = nil
			shown = 2
		}
	}
}

// letter shows, replays or drops the letter of a key.
func (a *Answerer) letter(r request) ([]byte, error) {
	data, key := []byte("{}"), string(r.data)
	var err error
	switch r.name {
	case "letter":
		var letter stats.Letter
		if letter, err = a.Node.Letter(key); err == nil {
			data, err = json.Marshal(letter)
		}
	case "letter.replay":
		ctx, cancel := context.WithTimeout(r.ctx, replayWait)
		defer cancel()
		err = a.Node.ReplayLetter(ctx, key)
	case "letter.drop":
		err = a.Node.DropLetter(key)
	}
	switch {
	case errors.Is(err, letters.ErrNotFound):
		return nil, &failure{404, err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &failure{504, fmt.Sprintf("letter %.80s is still being replayed: look at letters later", key)}
	case err != nil:
		return nil, err
	}
	return data, nil
}
