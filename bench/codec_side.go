package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// meshCodec encodes and decodes an event with its envelope, and does nothing else. The codec is not
// public, so its own benchmark is run, in a process.
func meshCodec() side {
	return side{name: "leafmesh, codec alone", open: func(ctx context.Context, _ func()) (carrier, error) {
		folder, err := os.MkdirTemp("", "leafmesh-codec-")
		if err != nil {
			return nil, err
		}
		c := &codecCarrier{folder: folder, program: filepath.Join(folder, "wire.test")}
		module, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "leafmesh"))
		if err == nil {
			build := exec.CommandContext(ctx, "go", "test", "-c", "-o", c.program, "leafmesh/mesh/internal/wire")
			build.Dir = strings.TrimSpace(module)
			_, err = output(build)
		}
		if err != nil {
			return nil, errors.Join(err, c.close(ctx))
		}
		return c, nil
	}}
}

type codecCarrier struct {
	folder, program string
	nanos           float64 // of an event
}

var perEvent = regexp.MustCompile(`\s([\d.]+) ns/op`)

func (c *codecCarrier) carry(ctx context.Context, events int) error {
	text, err := output(exec.CommandContext(ctx, c.program, "-test.run", "^$", "-test.bench", "^BenchmarkThereAndBack$", "-test.benchtime", fmt.Sprintf("%dx", events)))
	if err != nil {
		return err
	}
	found := perEvent.FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("no ns/op in what the codec's benchmark prints:\n%s", text)
	}
	c.nanos, err = strconv.ParseFloat(found[1], 64)
	return err
}

// observe puts what the benchmark measured in place of the time that its process took.
func (c *codecCarrier) observe(f *figures) { f.Nanos, f.CPU = c.nanos, c.nanos }

func (c *codecCarrier) emit(context.Context, *answerJudged) error { return nil } // carry emits
func (c *codecCarrier) close(context.Context) error               { return os.RemoveAll(c.folder) }

// output is what a command prints. Its error has that too.
func output(command *exec.Cmd) (string, error) {
	text, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", command, err, text)
	}
	return string(text), nil
}
