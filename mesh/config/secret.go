package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh/internal/document"
)

// Secret is a value that stands in a file or in an environment variable, never in the YAML itself.
// It prints as "(secret)" wherever it is formatted or logged.
type Secret struct {
	// File is the path of a file that holds the secret, white space around it ignored, at most 4096
	// bytes; relative to the YAML file. On Unix the file may have no permission for others, and
	// only its owner may write it (mode 0600 or 0640): a group is how a service's own user reads
	// what root wrote.
	File string `yaml:"file,omitempty"`
	// Env is the name of an environment variable that holds the secret.
	Env string `yaml:"env,omitempty"`

	// value is a pointer because fmt prints a pointer in a nested struct as an address, where it
	// cannot call Format: in unexported fields.
	value *string
}

// ErrSecret is in every error about a secret or key that is named in due form but cannot be had
// from there: no such file, an unset variable, too wide permissions, a wrong content. A check of a
// configuration away from its machine leaves these out.
var ErrSecret = errors.New("mesh: secret not usable")

// maxSecretBytes bounds a secret's or key's file. A seed has 58 bytes.
const maxSecretBytes = 4096

// NewSecret makes a secret of a value made in code, as tests and single-process meshes do.
func NewSecret(value string) Secret { return Secret{value: &value} }

// IsZero reports whether no secret is given.
func (s Secret) IsZero() bool { return s == Secret{} }

// String hides the value.
func (s Secret) String() string { return "(secret)" }

// GoString hides the value from %#v.
func (s Secret) GoString() string { return "config.Secret{…}" }

// Format hides the value from every other verb: for %d fmt would not ask String.
func (s Secret) Format(state fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && state.Flag('#') {
		text = s.GoString()
	}
	// fmt gives no way to report this error, and keeps it itself.
	_, _ = io.WriteString(state, text)
}

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Resolve returns the secret's value. Errors are FieldErrors relative to the secret, without any
// value in them.
func (s Secret) Resolve() (string, error) {
	value, field, err := "", "", error(nil)
	switch {
	case s.sources() != 1:
		return "", &FieldError{Problem: fmt.Sprintf("the secret has %d sources", s.sources()), Remedy: "name one: {file: PATH} or {env: NAME}"}
	case s.File != "":
		field = "file"
		value, err = readSecretFile(s.File)
	case s.Env != "":
		field = "env"
		value, err = readVariable(s.Env)
	default:
		value = *s.value
	}
	if err == nil && value == "" {
		err = unreadable(errors.New("the secret is empty"), "put the secret there")
	}
	return value, InField(field, err)
}

func (s Secret) sources() (n int) {
	for _, given := range []bool{s.File != "", s.Env != "", s.value != nil} {
		if given {
			n++
		}
	}
	return n
}

// resolveSeed returns the secret's value, which must be an nkey user seed.
func (s Secret) resolveSeed() (string, error) {
	if s.sources() == 1 && s.File != "" {
		if err := checkSeedFile(s.File); err != nil {
			return "", InField("file", err)
		}
	}
	seed, err := s.Resolve()
	if err != nil {
		return "", err
	}
	// nkeys' own errors are left out: they say no more, and could come to show what they were
	// given.
	if prefix, _, err := nkeys.DecodeSeed([]byte(seed)); err != nil || prefix != nkeys.PrefixByteUser {
		return "", unreadable(errors.New("the secret is not an nkey user seed (SU…)"), "make one with: meshctl key FILE")
	}
	return seed, nil
}

// unreadable makes a FieldError that is ErrSecret and cause.
func unreadable(cause error, remedy string) *FieldError {
	return &FieldError{Problem: cause.Error(), Remedy: remedy, cause: errors.Join(ErrSecret, cause)}
}

func readVariable(name string) (string, error) {
	value, set := os.LookupEnv(name)
	if !set {
		return "", unreadable(fmt.Errorf("the environment variable %s is not set", name), "set it, or name a file")
	}
	return strings.TrimSpace(value), nil
}

// readSecretFile reads a file that nobody but its owner and group may read.
func readSecretFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", unreadable(err, "create it, or name another")
	}
	if info.Mode().IsRegular() {
		switch mode := permissions(info); {
		case mode&0o007 != 0:
			return "", unreadable(fmt.Errorf("%s has mode %04o: every user of this machine can read or change the secret", path, mode), "chmod 600 "+path)
		case mode&0o020 != 0:
			return "", unreadable(fmt.Errorf("%s has mode %04o: its group can change the secret", path, mode), "chmod g-w "+path)
		}
	}
	return readSmallFile(path)
}

// permissions are those of Unix; none on Windows, which does not tell in this way who may do what.
func permissions(info fs.FileInfo) fs.FileMode {
	if runtime.GOOS == "windows" {
		return 0
	}
	return info.Mode().Perm()
}

// readSmallFile reads a short text, without the space around it and a byte order mark.
func readSmallFile(path string) (string, error) {
	data, err := readRegular(path, maxSecretBytes)
	switch _, irregular := errors.AsType[irregularFile](err); {
	case irregular:
		return "", unreadable(err, "name a file")
	case errors.Is(err, fs.ErrNotExist):
		return "", unreadable(err, "create it, or name another")
	case err != nil:
		return "", unreadable(err, "let this process's user read it")
	case len(data) > maxSecretBytes:
		return "", unreadable(fmt.Errorf("%s has more than %d bytes", path, maxSecretBytes), "name the right file")
	}
	return string(bytes.TrimSpace(bytes.TrimPrefix(data, []byte(document.ByteOrderMark)))), nil
}
