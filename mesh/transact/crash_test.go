package transact_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/transact"
)

// The environment tells this program to give awards in the databases of a
// directory, and at which step and which time it comes there to be killed.
const (
	crashDir  = "TRANSACT_TEST_CRASH_DIR"
	crashStep = "TRANSACT_TEST_CRASH_STEP"
	crashTime = "TRANSACT_TEST_CRASH_TIME"
)

// crashAwards is how many awards the program gives.
const crashAwards = 4

// crashSteps are the steps between which a process can die.
var crashSteps = []string{"given, not committed", "given", "counted, not committed", "counted", "relayed, not deleted", "deleted"}

// TestAKilledProcessCountsEachEventOnce kills the process between each two steps
// of giving, relaying and counting awards, then lets another one finish: each
// award is given once and counted once.
func TestAKilledProcessCountsEachEventOnce(t *testing.T) {
	for _, step := range crashSteps {
		for at := 1; at <= 2; at++ {
			t.Run(fmt.Sprintf("%s %d", step, at), func(t *testing.T) {
				dir := t.TempDir()
				giver, counter := openDatabase(t, filepath.Join(dir, "giver.db")), openDatabase(t, filepath.Join(dir, "counter.db"))
				for _, db := range []*sql.DB{giver, counter} {
					if _, err := db.Exec(stateSchema + transact.OutboxSchema + transact.InboxSchema); err != nil {
						t.Fatal(err)
					}
				}
				if killed := runGiver(t, dir, step, at); !killed && at == 1 {
					t.Fatal("the process never came to the step")
				}
				if killed := runGiver(t, dir, "", 0); killed {
					t.Fatal("the second process was killed, too")
				}
				for name, db := range map[string]*sql.DB{"giver": giver, "counter": counter} {
					all, different := number(t, db, "SELECT COUNT(*) FROM awards"), number(t, db, "SELECT COUNT(DISTINCT n) FROM awards")
					if all != crashAwards || different != crashAwards {
						t.Errorf("the %s has %d awards, %d different ones; want %d", name, all, different, crashAwards)
					}
					if number(t, db, "SELECT COUNT(*) FROM awards a JOIN awards b ON b.place > a.place AND b.n < a.n") != 0 {
						t.Errorf("the %s has awards out of order", name)
					}
				}
			})
		}
	}
}

// runGiver runs the program, and reports whether it was killed.
func runGiver(t *testing.T, dir, step string, at int) (killed bool) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", crashDir+"="+dir, crashStep+"="+step, crashTime+"="+strconv.Itoa(at))
	out, err := child.CombinedOutput()
	if err != nil && child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the process failed: %v, %s", err, out)
	}
	return err != nil
}

// killer ends the process when it comes to a step for a stated time.
type killer struct {
	name string
	at   int64
	come atomic.Int64
}

// step is one of the steps in which the process may be killed.
func (k *killer) step(name string) {
	if name != k.name || k.come.Add(1) != k.at {
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// killed is a database at whose deletions the process may be killed. A deletion
// waits until what was relayed is counted: here the handler stands for whoever
// keeps an event once the node has taken it.
type killed struct {
	*sql.DB
	killer  *killer
	deleted int64
	counted *atomic.Int64
}

func (k *killed) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	different := map[any]bool{}
	for _, row := range args {
		different[row] = true
	}
	k.deleted += int64(len(different))
	for k.counted.Load() < k.deleted {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		time.Sleep(time.Millisecond)
	}
	k.killer.step("relayed, not deleted")
	result, err := k.DB.ExecContext(ctx, query, args...)
	k.killer.step("deleted")
	return result, err
}

// awardUntilKilled is the program. It gives the awards that are missing, and ends
// when all are counted.
func awardUntilKilled(dir string) {
	if err := runAwards(dir); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runAwards(dir string) error {
	at, err := strconv.ParseInt(os.Getenv(crashTime), 10, 64)
	if err != nil {
		return err
	}
	k, handled := &killer{name: os.Getenv(crashStep), at: at}, new(atomic.Int64)
	giver, err := openFile(filepath.Join(dir, "giver.db"))
	if err != nil {
		return err
	}
	counter, err := openFile(filepath.Join(dir, "counter.db"))
	if err != nil {
		return err
	}
	ctx := context.Background()
	n, err := mesh.Open(ctx, mesh.Config{Name: "score-1", Handlers: []mesh.Handler{
		awarded.Handle("count", func(ctx context.Context, a award) error { return count(ctx, counter, a, k, handled) }, mesh.Retry{Tries: 1})}})
	if err != nil {
		return err
	}
	r := transact.NewRelay(transact.Config{Database: &killed{DB: giver, killer: k, counted: handled}})
	if err := r.Start(ctx, n); err != nil {
		return err
	}
	for i := range crashAwards {
		if err := giveOnce(n.Context(ctx), giver, award{"otters", i}, k); err != nil {
			return err
		}
		r.Wake()
	}
	for {
		s, err := r.Stats(ctx)
		if err != nil || s.Waiting == 0 {
			r.Stop()
			return errors.Join(err, n.Close(ctx))
		}
		time.Sleep(time.Millisecond)
	}
}

// giveOnce gives an award unless it was given by the process before.
func giveOnce(ctx context.Context, db *sql.DB, a award, k *killer) error {
	err := within(ctx, db, func(tx *sql.Tx) error {
		var given int
		if err := tx.QueryRow("SELECT COUNT(*) FROM awards WHERE n = $1", a.N).Scan(&given); err != nil || given > 0 {
			return err
		}
		if err := give(ctx, tx, a); err != nil {
			return err
		}
		k.step("given, not committed")
		return nil
	})
	k.step("given")
	return err
}

// count is the handler.
func count(ctx context.Context, db *sql.DB, a award, k *killer, handled *atomic.Int64) error {
	err := within(ctx, db, func(tx *sql.Tx) error {
		first, err := new(transact.Inbox).First(ctx, tx)
		if err != nil || !first {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO awards (team, n) VALUES ($1, $2)", a.Team, a.N); err != nil {
			return err
		}
		k.step("counted, not committed")
		return nil
	})
	k.step("counted")
	handled.Add(1)
	return err
}
