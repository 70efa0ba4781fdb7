package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"leafmesh/cmd/meshctl/internal/notation"
)

type decodeCommand struct {
	Output string `short:"o" enum:"json,diagnostic" default:"json" help:"How to print an item: ${enum}. One a line."`
	From   string `enum:"raw,hex,base64" default:"raw" help:"How the CBOR is written: ${enum}. White space in hex and base64 does not matter."`
}

// Help is shown by meshctl decode --help.
func (decodeCommand) Help() string {
	return `It reads CBOR from standard input, one item or several, and prints each on a line. In JSON integer
keys are keys of digits, and bytes are base64; diagnostic notation (RFC 8949) leaves nothing out.

  meshctl decode < event.cbor
  echo a10166 6f7474657273 | meshctl decode --from hex -o diagnostic`
}

// Run prints the items. Those before one that is damaged are printed.
func (c decodeCommand) Run(in input, out output) error {
	data, err := in.read()
	if err != nil {
		return err
	}
	if data, err = c.plain(data); err != nil {
		return err
	}
	if len(data) == 0 {
		return errors.New("there is no CBOR in standard input")
	}
	for offset := 0; offset < len(data); {
		item, rest, err := notation.First(data[offset:])
		if err != nil {
			return fmt.Errorf("at byte %d: %w", offset, err)
		}
		var line string
		if c.Output == "json" {
			var text []byte
			text, err = notation.JSON(item)
			line = string(text)
		} else {
			line, err = notation.Diagnostic(item)
		}
		if err != nil {
			return fmt.Errorf("at byte %d: %w", offset, err)
		}
		if _, err := fmt.Fprintln(out.results, line); err != nil {
			return err
		}
		offset = len(data) - len(rest)
	}
	return nil
}

// plain undoes how the CBOR is written.
func (c decodeCommand) plain(data []byte) ([]byte, error) {
	if c.From == "raw" {
		return data, nil
	}
	text := string(bytes.Join(bytes.Fields(data), nil))
	var err error
	if c.From == "hex" {
		data, err = hex.DecodeString(text)
	} else {
		data, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil {
		return nil, fmt.Errorf("standard input is not %s: %w", c.From, err)
	}
	return data, nil
}
