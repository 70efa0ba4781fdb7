package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/nats-io/nkeys"
)

const (
	seedSuffix   = ".nk"
	publicSuffix = ".pub"
)

type keyCommand struct {
	File string `arg:"" help:"File for the seed, such as keys/clue-1.nk. It is made with mode 0600. The public key goes into the same name with .pub in place of .nk. Neither may exist."`
}

// Help is shown by meshctl key --help.
func (keyCommand) Help() string {
	return `The seed is a secret: it stays on the node's machine, where the node file names it as
seed: {file: keys/clue-1.nk}. The public key, which is printed too, goes into the node
files of all peers of clue-1, as key: U… or key_file: keys/clue-1.pub: it is how they know
it. To change a key, make another: peers name its public key as next_key first.

  meshctl key keys/clue-1.nk`
}

// Run makes the key pair. On an error neither file is left behind.
func (c keyCommand) Run(out output) (err error) {
	if strings.HasSuffix(c.File, publicSuffix) {
		return fmt.Errorf("%s: the seed cannot be in a %s file, which is for the public key; name it %s", c.File, publicSuffix,
			strings.TrimSuffix(c.File, publicSuffix)+seedSuffix)
	}
	pair, err := nkeys.CreateUser()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	defer pair.Wipe()
	seed, err := pair.Seed()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	if err := writeNew(c.File, append(seed, '\n'), 0o600); err != nil {
		return err
	}
	publicFile := strings.TrimSuffix(c.File, seedSuffix) + publicSuffix
	if err := writeNew(publicFile, []byte(public+"\n"), 0o644); err != nil {
		return errors.Join(err, os.Remove(c.File))
	}
	_, err = fmt.Fprintln(out.results, public)
	return err
}

// writeNew writes a file that must not exist yet, not even as a link, and
// removes it again if it cannot be written.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists and is not overwritten: a node may use it; choose another name, or move it away", path)
	}
	if err != nil {
		return fmt.Errorf("make a key file: %w", err)
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write a key file: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}
