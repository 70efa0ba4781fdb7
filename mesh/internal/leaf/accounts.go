package leaf

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// Account is one of the accounts of a server. No account has anything of another.
type Account string

const (
	// Local is for taps and local helpers. It is never linked.
	Local Account = "local"
	// Store is for the runtime and its outbox, on a server with an Outbox. It is never
	// linked.
	Store Account = "store"
)

// Each link has an account of its own, in which the process has one connection: a [Line].
// In an account that several links share, NATS passes on from peer to peer what is exempt
// from permissions, and cuts a link for another that gives itself the same name.
const (
	readerPrefix   = "reader-"
	exporterPrefix = "exporter-"
)

// readerAccount is the account that the link of an importer of that name is bound to.
func readerAccount(importer string) Account { return Account(readerPrefix + importer) }

// exporterAccount is the account that the link to the exporter of that name is bound to.
func exporterAccount(exporter string) Account { return Account(exporterPrefix + exporter) }

const (
	// maxReaderLinks: NATS counts a link that is dead and not yet given up, so with one an
	// importer would be kept out by its own.
	maxReaderLinks = 2
	// maxLinkSubscriptions bounds what a peer can make this server remember: one for each
	// type that it takes, and some of the link itself.
	maxLinkSubscriptions = 1024
)

// credentials are those of our own in-process connections: one password, and a user name
// for each account, which ends in the same random text.
type credentials struct{ suffix, password string }

func newCredentials() credentials { return credentials{suffix: rand.Text(), password: rand.Text()} }

func (c credentials) user(a Account) string { return string(a) + "-" + c.suffix }

// answering is the user in Local that answers requests.
func (c credentials) answering() string { return "answers-" + c.suffix }

// accounts lists those that the server has.
func (s Spec) accounts() []Account {
	all := []Account{Local}
	if s.Outbox != nil {
		all = append(all, Store)
	}
	for _, importer := range s.Importers {
		all = append(all, readerAccount(importer.Name))
	}
	for _, remote := range s.Remotes {
		all = append(all, exporterAccount(remote.Name))
	}
	if s.Hub != nil {
		all = append(all, hubAccount)
	}
	return all
}

func (s Spec) renderAccounts(b *strings.Builder, own credentials) {
	b.WriteString("accounts {\n")
	s.renderLocal(b, own)
	s.renderStore(b, own)
	for _, importer := range s.Importers {
		s.renderReader(b, own, importer)
	}
	for _, remote := range s.Remotes {
		renderExporter(b, own, remote)
	}
	s.renderHub(b, own)
	b.WriteString("}\n")
}

func (s Spec) renderLocal(b *strings.Builder, own credentials) {
	fmt.Fprintf(b, "  %s {\n    limits { max_connections: %d, max_subscriptions: %d }\n    users [\n", Local, maxLocalConnections, maxSubscriptions)
	own.render(b, Local)
	if s.Tap != nil {
		fmt.Fprintf(b, "      {user: %s, password: %s, allowed_connection_types: [\"IN_PROCESS\"]\n", quote(own.answering()), quote(own.password))
		fmt.Fprintf(b, "       permissions: {publish: {allow: [%s]}, subscribe: {allow: [%s]}}}\n", quote(inboxPrefix+">"), quoteAll(answeredSubjects))
		fmt.Fprintf(b, "      {user: %s, password: %s, allowed_connection_types: [\"STANDARD\"]\n", quote(s.Tap.User), quote(s.Tap.Password))
		fmt.Fprintf(b, "       permissions: {publish: {allow: [%s]}, subscribe: {allow: [\">\"], deny: [%s]}}}\n", quoteAll(tapSubjects), quoteAll(tapSubjects))
	}
	b.WriteString("    ]\n  }\n")
}

func (c credentials) render(b *strings.Builder, a Account) {
	fmt.Fprintf(b, "      {user: %s, password: %s, allowed_connection_types: [\"IN_PROCESS\"]}\n", quote(c.user(a)), quote(c.password))
}

// renderReader writes the account of an importer and the peer's users. Those stand in the
// account and not under leafnodes, because users there carry no permissions.
func (s Spec) renderReader(b *strings.Builder, own credentials, importer Importer) {
	account, to := readerAccount(importer.Name), ToReader(importer.Name, s.Name)
	fmt.Fprintf(b, "  %s {\n    limits { max_leafnodes: %d, max_subscriptions: %d }\n    users [\n", account, maxReaderLinks, maxLinkSubscriptions)
	own.render(b, account)
	// By TLS the user is the name in the certificate. It has no password, and gets in by no other
	// way.
	kind := "user"
	if s.proof == nil {
		kind = "nkey"
	}
	for _, identity := range s.mayBe(importer) {
		fmt.Fprintf(b, "      {%s: %s, allowed_connection_types: [\"LEAFNODE\"]\n", kind, quote(identity))
		fmt.Fprintf(b, "       permissions: {publish: {allow: [%s]}, subscribe: {allow: [%s]}}}\n",
			quote(FromReader(importer.Name, s.Name)), quoteAll([]string{to, to + ".>"}))
	}
	b.WriteString("    ]\n  }\n")
}

// renderExporter writes the account of an exporter that is dialed.
func renderExporter(b *strings.Builder, own credentials, remote Remote) {
	account := exporterAccount(remote.Name)
	fmt.Fprintf(b, "  %s {\n    limits { max_subscriptions: %d }\n    users [\n", account, maxLinkSubscriptions)
	own.render(b, account)
	b.WriteString("    ]\n  }\n")
}
