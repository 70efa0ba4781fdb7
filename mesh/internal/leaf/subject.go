package leaf

import (
	"fmt"
	"leafmesh/mesh/config"
	"regexp"
	"strings"
)

// What begins the subjects of the links themselves, one token longer than ownPrefix.
const (
	ownPrefix    = "mesh."
	beaconPrefix = ownPrefix + "link."
	toPrefix     = ownPrefix + "to."
	fromPrefix   = ownPrefix + "from."
)

// tapSubjects are what a tap may publish to: it emits and asks by request.
var tapSubjects = []string{ownPrefix + "emit.>", ownPrefix + "ops.>"}

var validToken = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// BeaconSubject is what an exporter tells the importer of that name about their link on.
// Only the importer's key may register it.
func BeaconSubject(importer string) string { return beaconPrefix + importer }

// ToReader is what an exporter says to a reader on. The exporter publishes it in account
// Out, and the reader gets it in account In. No other peer may register it.
func ToReader(reader, exporter string) string { return toPrefix + reader + "." + exporter }

// FromReader is what a reader says to an exporter on. The reader publishes it in account
// In, and the exporter gets it in account Out: it is all that the reader may publish, and
// nobody else may. With "*" as the reader it is what an exporter subscribes to, to hear
// all its readers; ReaderOf tells who spoke.
func FromReader(reader, exporter string) string { return fromPrefix + reader + "." + exporter }

// ReaderOf is the reader in a subject of FromReader, or "" if it is none.
func ReaderOf(subject string) string {
	rest, ok := strings.CutPrefix(subject, fromPrefix)
	if !ok {
		return ""
	}
	reader, _, _ := strings.Cut(rest, ".")
	return reader
}

// checkSubject accepts tokens of A-Z a-z 0-9 - _, * and a last >.
func checkSubject(subject string) error {
	tokens := strings.Split(subject, ".")
	for i, token := range tokens {
		wild := token == "*" || token == ">" && i == len(tokens)-1
		if !wild && !validToken.MatchString(token) {
			return fmt.Errorf("subject %q: want tokens of A-Z a-z 0-9 - _, * or a last >, separated by dots", subject)
		}
	}
	return nil
}

// checkExport also asks for a literal first token, outside of what links need.
func checkExport(subject string) error {
	if err := checkSubject(subject); err != nil {
		return fmt.Errorf("export %w", err)
	}
	if subject[0] == '*' || subject[0] == '>' {
		return fmt.Errorf("export %q: the first token must be literal", subject)
	}
	if config.Overlap(subject, ownPrefix+">") {
		return fmt.Errorf("export %q: subjects under %s> are the mesh's own", subject, ownPrefix)
	}
	return nil
}
