package huntfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/goccy/go-yaml"
)

// Encode writes the hunt as YAML that [Load] reads back equal. It does not validate.
func (h *Hunt) Encode(w io.Writer) error {
	encoder := yaml.NewEncoder(w, yaml.IndentSequence(true), yaml.CustomMarshaler(quote))
	if err := encoder.Encode(h); err != nil {
		return fmt.Errorf("encode hunt %q: %w", h.ID, err)
	}
	if err := encoder.Close(); err != nil {
		return fmt.Errorf("encode hunt %q: %w", h.ID, err)
	}
	return nil
}

// quote writes a text in double quotes, as JSON does, unless it is plain words, which the library
// may write as they are. For others it chooses forms that do not read back equal: it leaves tabs in
// plain texts, begins one with "? ", and loses white space at the edges of the lines of literal
// ones.
func quote(text string) ([]byte, error) {
	if words.MatchString(text) {
		return yaml.Marshal(text) // quotes "yes" and "12"
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return quoted.Bytes(), err
}

var words = regexp.MustCompile(`^[\pL\pN]+([ _./'’-]?[\pL\pN]+)*[.!]?$`)

// Write saves the hunt as a file that [Load] accepts. The file appears whole or not at all: it is
// written beside path, read back and compared, and renamed. So a derived hunt that is not valid
// fails where it is made.
func (h *Hunt) Write(path string) error {
	if err := h.write(path); err != nil {
		return fmt.Errorf("write hunt file %q: %w", path, err)
	}
	return nil
}

func (h *Hunt) write(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	// 0600: the file holds the answers.
	if err := errors.Join(h.Encode(f), f.Chmod(0o600), f.Close()); err != nil {
		return err
	}
	if err := h.readsBack(f.Name()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// readsBack checks that a file holds a valid hunt that encodes like this one.
func (h *Hunt) readsBack(path string) error {
	back, err := Load(path)
	if err != nil {
		return err
	}
	var want, got bytes.Buffer
	if err := errors.Join(h.Encode(&want), back.Encode(&got)); err != nil {
		return err
	}
	if !bytes.Equal(want.Bytes(), got.Bytes()) {
		return errors.New("the hunt does not read back as it was written; look for odd characters in its texts")
	}
	return nil
}
