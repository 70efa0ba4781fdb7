package outbox

import (
	"errors"
	"testing"
)

func TestWritable(t *testing.T) {
	for name, test := range map[string]struct {
		bound func(*site)
		then  func(*site)
		want  error
	}{
		"empty":    {want: nil},
		"messages": {bound: func(s *site) { s.config.MaxMessages = 3 }, then: func(s *site) { s.store(t, taken, 1, 3) }, want: ErrFull},
		"bytes":    {bound: func(s *site) { s.config.MaxBytes, s.config.MaxPayload = 2500, 1024 }, then: func(s *site) { s.storeSingly(t, taken, 1, 14) }, want: ErrFull},
		"age":      {then: func(s *site) { s.overAge.Store(true) }, want: ErrFull},
		"disk":     {then: func(s *site) { err := ErrDisk; s.unwritable.Store(&err) }, want: ErrDisk},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, test.bound).open(t)
			if err := s.Writable(); err != nil {
				t.Errorf("at first: %v", err)
			}
			if test.then != nil {
				test.then(s)
			}
			var err error
			eventually(t, name, func() bool { err = s.Writable(); return errors.Is(err, test.want) })
			if test.want == nil && err != nil {
				t.Error(err)
			}
		})
	}
}
