package main

import (
	"errors"
	"flag"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Flags work with one dash and with two, and in the literal form that the documentation gives.
func TestParse(t *testing.T) {
	playing := play{teams: 50, think: time.Second}
	with := func(change func(*play)) *play { p := playing; change(&p); return &p }
	for line, want := range map[string]command{
		"":         &playing,
		"play":     &playing,
		"-for 10s": with(func(p *play) { p.length = 10 * time.Second }),
		"--for=1m30s --teams 7 -http 127.0.0.1:9000": with(func(p *play) {
			p.length, p.teams, p.http = 90*time.Second, 7, "127.0.0.1:9000"
		}),
		"play -data d -http :0":                  with(func(p *play) { p.data, p.http = "d", ":0" }),
		"replay -log FILE":                       &replayLog{log: "FILE"},
		"replay -log FILE -json":                 &replayLog{log: "FILE", json: true},
		"replay --log=FILE --json --speed max":   &replayLog{log: "FILE", json: true},
		"replay -log F -speed 100x -data d":      &replayLog{log: "F", speed: 100, data: "d"},
		"replay -log F -clue c -hunt h -score s": &replayLog{log: "F", clue: "c", hunt: "h", score: "s"},
		"derive -log F":                          &derive{log: "F"},
		"version":                                showVersion{},
		"--version":                              showVersion{},
		"storm":                                  &raiseStorm{rate: 25, length: 5 * time.Second},
		"storm -json -rate 100 -for 5s":          &raiseStorm{rate: 100, length: 5 * time.Second, json: true},
		"storm -sick -for 400ms":                 &raiseStorm{rate: 25, length: 400 * time.Millisecond, sick: true},
		"storm --rate=0.5 --for=50ms":            &raiseStorm{rate: 0.5, length: 50 * time.Millisecond},
	} {
		got, err := parse(strings.Fields(line))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", line, got, err, want)
		}
	}
}

func TestParseWrongArguments(t *testing.T) {
	for line, want := range map[string]string{
		"fly":                          `no command "fly"`,
		"-fast":                        "-fast",
		"-for":                         "needs an argument",
		"-for soon":                    "-for",
		"-for -5s":                     "negative",
		"-teams 0":                     "not from 1",
		"-teams 1001":                  "not from 1",
		"-teams many":                  "-teams",
		"-http 8081":                   "-http",
		"-http host:99999":             "-http",
		"-log FILE":                    "-log",
		"play extra":                   `"extra"`,
		"replay":                       "-log FILE is missing",
		"replay FILE":                  `"FILE"`,
		"replay -log":                  "needs an argument",
		"replay -log F extra":          `"extra"`,
		"replay -log F -speed fast":    "give max",
		"replay -log F -speed 0":       "give max",
		"replay -log F -json=maybe":    "-json",
		"replay -log F -clue http://c": "or none",
		"replay -log F -data d -clue c -hunt h -score s": "-data",
		"derive":                 "-log FILE is missing",
		"storm -rate 0":          "-rate 0 is not above 0",
		"storm -rate -1":         "-rate -1 is not above 0",
		"storm -rate 10001":      "at most 10000",
		"storm -rate NaN":        "-rate NaN",
		"storm -rate much":       "-rate",
		"storm -for 0s":          "-for 0s is not from 50ms to 10m0s",
		"storm -for 1h":          "-for 1h0m0s is not",
		"storm -for -5s":         "-for -5s is not",
		"storm -sick -rate 9":    "with -sick there are none",
		"storm -sick -for 100ms": "-for 100ms is less than 400ms",
		"storm -log F":           "-log",
		"storm hard":             `"hard"`,
	} {
		_, err := parse(strings.Fields(line))
		var wrong *usageError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", line, err, want)
		}
	}
	for _, line := range []string{"-help", "--help", "-h", "help", "replay -h", "derive --help"} {
		if _, err := parse(strings.Fields(line)); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: %v, want help", line, err)
		}
	}
}
