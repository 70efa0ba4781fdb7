package leaf

import (
	"fmt"
	"leafmesh/mesh/config"
	"regexp"
	"strings"
)

// beaconPrefix and the importer's name make a beacon subject.
const beaconPrefix = "mesh.link."

// inboxPrefix and the importer's name begin the subjects of its inboxes.
const inboxPrefix = "mesh.inbox."

// tapSubjects are what a tap may publish to: it emits and asks by request.
var tapSubjects = []string{"mesh.emit.>", "mesh.ops.>"}

// nobody is the one subject a peer may publish to, and no one subscribes to.
// An empty allow list would allow everything, and a deny of > breaks the link.
const nobody = "mesh.nobody"

var validToken = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// BeaconSubject is the one subject besides the exports that the importer of that
// name may register on an exporter's account Out. Only its key may.
func BeaconSubject(importer string) string { return beaconPrefix + importer }

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
	for _, prefix := range []string{beaconPrefix, inboxPrefix} {
		if config.Overlap(subject, prefix+">") {
			return fmt.Errorf("export %q: subjects under %s> are the links' own", subject, prefix)
		}
	}
	return nil
}
