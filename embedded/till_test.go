package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/transact"
	program "leafmesh/services/daemon"
	"leafmesh/services/httpapi"
)

// TestMain is also a daemon, for tests with handlers that the services do not have: the program of
// the tests with the flag of a daemon runs a till or a ledger.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "--config" {
		program.Main("ledgerd", runLedger)
	}
	os.Exit(m.Run())
}

// sale is what a till tells the ledgers.
type sale struct {
	Customer string `cbor:"1,keyasint"`
	Number   int    `cbor:"2,keyasint"`
}

var saleMade = mesh.NewEvent[sale]("till.sale.made", mesh.Key(func(s sale) string { return s.Customer }))

// bookers are the handlers of a ledger. Each books each sale.
var bookers = []string{"income", "stock"}

// booksSchema is the database of all ledgers. A customer who is poison has no sales booked.
const booksSchema = `
CREATE TABLE bookings (handler TEXT NOT NULL, sale TEXT NOT NULL, customer TEXT NOT NULL);
CREATE TABLE poison (customer TEXT NOT NULL PRIMARY KEY);` + transact.InboxSchema

// openBooks opens the database that the ledgers share. Instances of a service on several machines
// need PostgreSQL; on one, SQLite does for a test.
func openBooks(path string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate")
}

// ledgerConfig is the file of a till or of a ledger, by the name of its node.
type ledgerConfig struct {
	Mesh  mesh.Config `yaml:"mesh"`
	HTTP  string      `yaml:"http"`
	Books mesh.Path   `yaml:"books"` // of a ledger
}

// Validate implements config.Validator.
func (c *ledgerConfig) Validate() error { return config.InField("mesh", c.Mesh.Validate()) }

func runLedger(ctx context.Context, path string) error {
	var c ledgerConfig
	if err := config.LoadYAML(path, &c); err != nil {
		return err
	}
	l := &ledger{config: c}
	if c.Books != "" {
		var err error
		if l.books, err = openBooks(string(c.Books)); err != nil {
			return err
		}
	}
	return program.Serve(ctx, program.Config{Mesh: c.Mesh}, l, nil)
}

// ledger is a program.Service: a till, which emits sales, or a ledger, which books them.
type ledger struct {
	config ledgerConfig
	books  *sql.DB // nil: a till
	inbox  transact.Inbox
	api    *httpapi.Server
	node   *mesh.Node
}

// Declare implements program.Service.
func (l *ledger) Declare(c *mesh.Config) {
	if l.books == nil {
		c.Handlers = append(c.Handlers, saleMade.Handle("print", func(context.Context, sale) error { return nil }))
		return
	}
	for _, name := range bookers {
		c.Handlers = append(c.Handlers, saleMade.Handle(name, func(ctx context.Context, s sale) error { return l.book(ctx, name, s) },
			mesh.Retry{Tries: 1}))
	}
}

// Check implements program.Service.
func (l *ledger) Check(ctx context.Context) error {
	if l.books == nil {
		return nil
	}
	return l.books.PingContext(ctx)
}

var errPoison = errors.New("this customer's sales cannot be booked")

// book books a sale once.
func (l *ledger) book(ctx context.Context, handler string, s sale) error {
	tx, err := l.books.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it fails only after Commit
	var poisoned int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM poison WHERE customer = ?", s.Customer).Scan(&poisoned); err != nil {
		return err
	}
	if poisoned > 0 {
		return errPoison
	}
	if first, err := l.inbox.First(ctx, tx); err != nil || !first {
		return err
	}
	header, _ := mesh.HeaderOf(ctx)
	if _, err := tx.ExecContext(ctx, "INSERT INTO bookings VALUES (?, ?, ?)", handler, header.ID.String(), s.Customer); err != nil {
		return err
	}
	return tx.Commit()
}

// Serve implements program.Service.
func (l *ledger) Serve(ctx context.Context, node *mesh.Node) (err error) {
	l.node = node
	mux := httpapi.NewMux()
	mux.Route("POST /v1/sales", l.postSale)
	mux.Route("POST /v1/cuts/{handler}", l.cutWith(node.Cut))
	mux.Route("DELETE /v1/cuts/{handler}", l.cutWith(node.Restore))
	mux.Route("GET /v1/letters", l.getLetters)
	mux.Route("POST /v1/letters/{key}", l.postLetter)
	l.api, err = httpapi.NewServer(ctx, l.config.HTTP, mux)
	return err
}

// madeSale is a sale and the id that its event shall have.
type madeSale struct {
	ID       cause.ID `json:"id"`
	Customer string   `json:"customer"`
	Number   int      `json:"number"`
}

func (l *ledger) postSale(w http.ResponseWriter, r *http.Request) error {
	made, err := httpapi.Decode[madeSale](w, r)
	if err != nil {
		return err
	}
	ctx := mesh.WithID(l.node.Context(r.Context()), made.ID)
	if err := saleMade.Emit(ctx, sale{made.Customer, made.Number}); err != nil {
		return httpapi.NewProblem(http.StatusServiceUnavailable, "%v", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (l *ledger) cutWith(change func(subject, place string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := change(saleMade.Subject(), "handler "+r.PathValue("handler")); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

func (l *ledger) getLetters(w http.ResponseWriter, _ *http.Request) error {
	letters, err := l.node.Letters()
	if err != nil {
		return fmt.Errorf("list the letters: %w", err)
	}
	httpapi.Respond(w, http.StatusOK, letters)
	return nil
}

func (l *ledger) postLetter(w http.ResponseWriter, r *http.Request) error {
	if err := l.node.ReplayLetter(r.Context(), r.PathValue("key")); err != nil && !errors.Is(err, mesh.ErrNoLetter) {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// URL implements program.Service.
func (l *ledger) URL() string { return l.api.URL() }

// StopServing implements program.Service.
func (l *ledger) StopServing(ctx context.Context) error {
	if l.api == nil {
		return nil
	}
	return l.api.Close(ctx)
}

// StopRelaying implements program.Service.
func (l *ledger) StopRelaying() {}

// Close implements program.Service.
func (l *ledger) Close(context.Context) error {
	if l.books == nil {
		return nil
	}
	return l.books.Close()
}
