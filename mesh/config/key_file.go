package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/nats-io/nkeys"
)

// The endings of the files that meshctl key makes: the secret seed and the public key.
const (
	seedEnding   = ".nk"
	publicEnding = ".pub"
)

// isKeyFile reports whether a text reads as the name of a file that meshctl key made, and not as
// what is in one.
func isKeyFile(text string) bool {
	return strings.HasSuffix(text, seedEnding) || strings.HasSuffix(text, publicEnding)
}

// seedFileOf says which file holds the seed of a key pair, by the name of the other one.
func seedFileOf(path string) string {
	if stem, found := strings.CutSuffix(path, publicEnding); found {
		return stem + seedEnding
	}
	return "FILE" + seedEnding
}

// publicFileOf says which file holds the public key of a key pair, by the name of the other one.
func publicFileOf(path string) string {
	if stem, found := strings.CutSuffix(path, seedEnding); found {
		return stem + publicEnding
	}
	return "FILE" + publicEnding
}

// checkSeedFile reports a file that can hold no seed: it is not there, or is the other file of the
// pair. That is said before its permissions, which are right for what it is.
func checkSeedFile(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(path, publicEnding) {
		return unreadable(err, "make it with: meshctl key "+path+", or name another")
	}
	text, err := readSmallFile(path)
	if nkeys.IsValidPublicKey(text) || err != nil && strings.HasSuffix(path, publicEnding) {
		return unreadable(errors.New("this file is for a public key, and not for the seed"), "name the seed's file, "+seedFileOf(path))
	}
	return nil // Resolve says what else is wrong
}

// checkUnchanged refuses a file that others may write: who puts a key of its own there is the peer.
func checkUnchanged(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return unreadable(err, "create it, or name another")
	}
	if mode := permissions(info); info.Mode().IsRegular() && mode&0o022 != 0 {
		return unreadable(fmt.Errorf("%s has mode %04o: others than its owner can put another key there", path, mode), "chmod go-w "+path)
	}
	return nil
}

// readPublicKey reads the public key of a peer from its file.
func readPublicKey(path string) (string, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(path, seedEnding) {
		return "", unreadable(err, "copy it from the peer's machine, where it is made with: meshctl key "+seedFileOf(path))
	}
	key, err := readSmallFile(path)
	if _, _, noSeed := nkeys.DecodeSeed([]byte(key)); err == nil && noSeed == nil || err != nil && strings.HasSuffix(path, seedEnding) {
		return "", unreadable(errors.New("this file is for a seed, which is secret, and not for the public key"),
			"name the public key's file, "+publicFileOf(path))
	}
	if err != nil {
		return "", err
	}
	return key, errors.Join(checkKey(key), checkUnchanged(path))
}
