package main

import "crypto/rand"

type passwordCommand struct {
	File string `arg:"" help:"File for the password, such as keys/clue-1.tap. It is made with mode 0600, and may not exist."`
}

// Help is shown by meshctl password --help.
func (passwordCommand) Help() string {
	return `The password has 130 bits. The node file names it as tap: {…, password: {file: keys/clue-1.tap}}.

  meshctl password keys/clue-1.tap`
}

// Run makes the password. It is not printed.
func (c passwordCommand) Run(output) error {
	return writeNew(c.File, []byte(rand.Text()+"\n"), 0o600)
}
