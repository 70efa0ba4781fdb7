package outbox

import (
	"strings"
	"testing"
	"time"
)

// Each wrong value is named.
func TestConfigIsValidated(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"no directory":        func(c *Config) { c.Dir = "" },
		"no way to reset":     func(c *Config) { c.Reset = nil },
		"no types":            func(c *Config) { c.Types = nil },
		`type "clue.>"`:       func(c *Config) { c.Types[0].Subject = "clue.>" },
		`type "clue"`:         func(c *Config) { c.Types[0].Subject = "clue" },
		"names no service":    func(c *Config) { c.Types[0].Services = nil },
		`service "a.b"`:       func(c *Config) { c.Types[0].Services = []string{"a.b"} },
		`service "a"`:         func(c *Config) { c.Types[0].Services = []string{"a", "a"} },
		`service "b"`:         func(c *Config) { c.Types[0].Services, c.Types[0].Drop = []string{"a", "b"}, []string{"b"} },
		"is named twice":      func(c *Config) { c.Types = append(c.Types, c.Types[0]) },
		"no way to send":      func(c *Config) { c.Send = nil },
		"know their services": func(c *Config) { c.Service = nil },
		"max payload 7":       func(c *Config) { c.MaxPayload = 7 },
		"negative":            func(c *Config) { c.MaxMessages = -1 },
		"want 100ms":          func(c *Config) { c.Duplicates = time.Millisecond },
		"max age 1m0s":        func(c *Config) { c.MaxAge = time.Minute },
	} {
		c := Config{Dir: "x", Reset: func() error { return nil }, Types: []Type{{Subject: "clue.clue.solved", Services: []string{"score"}}},
			Send: func(string, []byte) error { return nil }, Service: serviceOf, MaxPayload: 1024}.withDefaults()
		if err := c.validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if err := c.validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

// What readMark reads is what writeMark wrote, or an error.
func FuzzDecodeMark(f *testing.F) {
	text, err := encodeMark(mark{Identity: "ID", Last: 12, Removed: 3, RemovedTo: 4, Removing: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("{}\n"))
	f.Add([]byte(strings.Replace(string(text), "12", "13", 1)))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decodeMark(text)
		if err != nil {
			return
		}
		if again, err := encodeMark(*m); err != nil || string(again) != string(text) {
			t.Errorf("%q was read, and is written as %q, %v", text, again, err)
		}
	})
}
