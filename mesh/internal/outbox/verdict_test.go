package outbox

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
)

// Answers as nats-server writes them, and some that it does not.
func TestVerdict(t *testing.T) {
	for answer, want := range map[string]error{
		`{"stream":"OUTBOX","seq":7}`:                                     nil,
		`{"stream":"OUTBOX","domain":"clue-1","seq":7}`:                   nil,
		`{"stream":"OUTBOX","domain":"clue-1","seq":7,"duplicate": true}`: nil,
		`{"stream":"OUTBOX","domain":"error","seq":7}`:                    nil,
		`{"seq":7,"stream":"OUTBOX"}`:                                     nil,
		``:                                                                ErrDisk,
		`{}`:                                                              ErrUncertain,
		`{"stream":"OTHER","seq":7}`:                                      ErrUncertain,
		`{"stream":"OUTBOX2","seq":7}`:                                    ErrUncertain,
		`{"stream":"OUTBOX"`:                                              ErrUncertain,
		`{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"OUTBOX","seq":0}`: ErrFull,
		`{"stream":"OUTBOX","seq":0,"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}`: ErrFull,
		`{"stream":"OUTBOX","seq":0, "error" : {"code":429,"err_code":10167,"description":"too many requests"}}`:      ErrFull,
	} {
		if err := verdict(&nats.Msg{Data: []byte(answer)}); want == nil && err != nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", answer, err, want)
		}
	}
	other := verdict(&nats.Msg{Data: []byte(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence"},"stream":"OUTBOX","seq":0}`)})
	if other == nil || errors.Is(other, ErrFull) || errors.Is(other, ErrUncertain) {
		t.Errorf("another error: %v", other)
	}
}
