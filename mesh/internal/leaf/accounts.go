package leaf

import (
	"fmt"
	"strings"
)

// Each link has an account of its own: in one that several share, NATS passes on from
// peer to peer what is exempt from permissions, and cuts a link for another that gives
// itself the same name. No process connects to these accounts. What they have of Out and In,
// and those of them, is named subject by subject: a stream import each.
const (
	readerPrefix   = "reader-"
	exporterPrefix = "exporter-"
)

// readerAccount is the account that the link of an importer of that name is bound to.
func readerAccount(importer string) string { return readerPrefix + importer }

// exporterAccount is the account that the link to the exporter of that name is bound to.
func exporterAccount(exporter string) string { return exporterPrefix + exporter }

const (
	// maxReaderLinks: NATS counts a link that is dead and not yet given up, so with one an
	// importer would be kept out by its own.
	maxReaderLinks = 2
	// readerSubscriptions is how many a reader may have beyond two for each export: those of
	// the link itself, and narrower ones.
	readerSubscriptions = 256
)

// exchange writes an account's exports and imports.
type exchange struct{ exports, imports []string }

// export lets the other accounts of this server import the subject. Only what we write
// here makes them do so.
func (e *exchange) export(subject string) {
	e.exports = append(e.exports, fmt.Sprintf("{stream: %s}", quote(subject)))
}

func (e *exchange) take(subject, account string) {
	e.imports = append(e.imports, fmt.Sprintf("{stream: {account: %s, subject: %s}}", account, quote(subject)))
}

func (e *exchange) render(b *strings.Builder) {
	fmt.Fprintf(b, "    exports [%s]\n    imports [%s]\n", strings.Join(e.exports, ", "), strings.Join(e.imports, ", "))
}

func (s Spec) renderAccounts(b *strings.Builder, own credentials) {
	b.WriteString("accounts {\n")
	s.renderLocal(b, own[Local])
	s.renderStore(b, own[Store])
	s.renderOut(b, own[Out])
	s.renderIn(b, own[In])
	for _, importer := range s.Importers {
		s.renderReader(b, importer)
	}
	for _, remote := range s.Remotes {
		s.renderExporter(b, remote)
	}
	b.WriteString("}\n")
}

func (s Spec) renderLocal(b *strings.Builder, own user) {
	fmt.Fprintf(b, "  %s {\n    limits { max_connections: %d }\n    users [\n", Local, maxLocalConnections)
	renderOwn(b, own)
	if s.Tap != nil {
		fmt.Fprintf(b, "      {user: %s, password: %s, allowed_connection_types: [\"STANDARD\"]\n", quote(s.Tap.User), quote(s.Tap.Password))
		fmt.Fprintf(b, "       permissions: {publish: {allow: [%s]}, subscribe: {allow: [\">\"]}}}\n", quoteAll(tapSubjects))
	}
	b.WriteString("    ]\n  }\n")
}

// renderOut writes account Out: what importers say to us, and what may go to them.
func (s Spec) renderOut(b *strings.Builder, own user) {
	var e exchange
	e.export(">")
	for _, importer := range s.Importers {
		e.take(FromReader(importer.Name, s.Name), readerAccount(importer.Name))
	}
	renderShared(b, Out, own, e)
}

// renderIn writes account In: what is taken from each exporter, and what we say to them.
func (s Spec) renderIn(b *strings.Builder, own user) {
	var e exchange
	e.export(">")
	for _, remote := range s.Remotes {
		for _, subject := range remote.Takes {
			e.take(subject, exporterAccount(remote.Name))
		}
		e.take(BeaconSubject(s.Name), exporterAccount(remote.Name))
		e.take(ToReader(s.Name, remote.Name), exporterAccount(remote.Name))
	}
	renderShared(b, In, own, e)
}

func renderShared(b *strings.Builder, account Account, own user, e exchange) {
	fmt.Fprintf(b, "  %s {\n", account)
	e.render(b)
	b.WriteString("    users [\n")
	renderOwn(b, own)
	b.WriteString("    ]\n  }\n")
}

func renderOwn(b *strings.Builder, own user) {
	fmt.Fprintf(b, "      {user: %s, password: %s, allowed_connection_types: [\"IN_PROCESS\"]}\n", quote(own.name), quote(own.password))
}

// renderReader writes the account of an importer and the peer's user. That stands in the
// account and not under leafnodes, because users there carry no permissions.
func (s Spec) renderReader(b *strings.Builder, importer Importer) {
	subjects := append([]string{BeaconSubject(importer.Name), ToReader(importer.Name, s.Name)}, s.Exports...)
	from := FromReader(importer.Name, s.Name)
	var e exchange
	e.export(from)
	for _, subject := range subjects {
		e.take(subject, string(Out))
	}
	fmt.Fprintf(b, "  %s {\n    limits { max_leafnodes: %d, max_subscriptions: %d }\n",
		readerAccount(importer.Name), maxReaderLinks, min(maxSubscriptions, readerSubscriptions+2*len(s.Exports)))
	e.render(b)
	fmt.Fprintf(b, "    users [\n      {nkey: %s, allowed_connection_types: [\"LEAFNODE\"]\n", quote(importer.PublicKey))
	fmt.Fprintf(b, "       permissions: {publish: {allow: [%s]}, subscribe: {allow: [%s]}}}\n    ]\n  }\n", quote(from), quoteAll(subjects))
}

// renderExporter writes the account of an exporter that is dialed.
func (s Spec) renderExporter(b *strings.Builder, remote Remote) {
	var e exchange
	e.export(">")
	e.take(FromReader(s.Name, remote.Name), string(In))
	fmt.Fprintf(b, "  %s {\n", exporterAccount(remote.Name))
	e.render(b)
	b.WriteString("  }\n")
}
