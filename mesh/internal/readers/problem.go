package readers

import (
	"fmt"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
	"slices"
	"strings"
)

// problem says why a reader does not get what it asks for, with the remedy.
func (r *Readers) problem(name string, i wire.HelloImport) string {
	service, export := config.ServiceOf(name), r.export(i.Type)
	switch {
	case export == nil && i.Durable:
		return fmt.Sprintf("%s does not export %.100s (it exports %s): export it there with kept_for: [%s], or do not import it",
			r.env.Node, i.Type, r.exportedTo(name), service)
	case export == nil:
		return fmt.Sprintf("%s does not export %.100s (it exports %s): declare the export there, or drop the import", r.env.Node, i.Type, r.exportedTo(name))
	case i.Durable && export.IsDurable():
		return fmt.Sprintf("%s does not keep %.100s for service %s: name the service in kept_for of that export there", r.env.Node, i.Type, service)
	case i.Durable:
		return fmt.Sprintf("%s exports %.100s, but keeps it for nobody: name %s in kept_for of that export there, or import it without durable",
			r.env.Node, i.Type, service)
	default:
		return fmt.Sprintf("%s exports %.100s out of its outbox: import it with durable: true, and name %s in kept_for of that export there",
			r.env.Node, i.Type, service)
	}
}

// maxNamed bounds how many exports a problem names.
const maxNamed = 20

func (r *Readers) exportedTo(name string) string {
	var all []string
	for _, e := range *r.exports.Load() {
		if r.env.MayImport(name, e.Event) {
			all = append(all, e.Event)
		}
	}
	if len(all) == 0 {
		return "nothing"
	}
	slices.Sort(all)
	if left := len(all) - maxNamed; left > 0 {
		all = append(all[:maxNamed], fmt.Sprintf("%d more", left))
	}
	return strings.Join(all, ", ")
}
