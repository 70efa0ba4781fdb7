package leafmesh_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "leafmesh"

// The rules of who may import what. Each is about the files of some folders, and
// holds for tests too.
var importRules = []struct {
	name    string
	from    func(folder string) bool
	allowed func(imported string) bool
}{
	{
		name:    "only mesh/internal/leaf, and the tests of mesh/hub, import nats-server",
		from:    func(folder string) bool { return folder != "mesh/internal/leaf" && folder != "mesh/hub" },
		allowed: func(imported string) bool { return !within(imported, "github.com/nats-io/nats-server") },
	},
	{
		name:    "mesh knows nothing of what is built on it",
		from:    func(folder string) bool { return within(folder, "mesh") },
		allowed: func(imported string) bool { return !ours(imported) || within(imported, module+"/mesh") },
	},
	{
		name: "the vocabulary of mesh and its mechanisms do not know mesh",
		from: func(folder string) bool { return within(folder, "mesh/internal") || isVocabulary(folder) },
		allowed: func(imported string) bool {
			return !ours(imported) || within(imported, module+"/mesh/internal") || isVocabulary(ourFolder(imported))
		},
	},
	{
		name:    "an event that stays in its process needs no NATS",
		from:    func(folder string) bool { return slices.Contains(inProcess, folder) },
		allowed: func(imported string) bool { return !within(imported, "github.com/nats-io") },
	},
	{
		name: "a mechanism of the flow knows none of the way out",
		from: func(folder string) bool { return slices.Contains(inProcess, folder) },
		allowed: func(imported string) bool {
			return !slices.ContainsFunc([]string{"leaf", "inlet", "outlet", "outbox", "operations", "peering", "topology"}, func(out string) bool {
				return within(imported, module+"/mesh/internal/"+out)
			})
		},
	},
	{
		name: "what hands out events is pure: time in, verdicts out",
		from: func(folder string) bool { return folder == "mesh/internal/handout" },
		allowed: func(imported string) bool {
			return !ours(imported) && !within(imported, "github.com/nats-io") &&
				!slices.ContainsFunc([]string{"context", "io", "net", "os", "sync"}, func(effect string) bool { return within(imported, effect) })
		},
	},
	{
		name:    "what services share knows no service",
		from:    func(folder string) bool { return within(folder, "services") && serviceOf(folder) == "" },
		allowed: func(imported string) bool { return serviceOf(ourFolder(imported)) == "" },
	},
	{
		name:    "only embedded and the services themselves import services",
		from:    func(folder string) bool { return !within(folder, "services") && !within(folder, "embedded") },
		allowed: func(imported string) bool { return !within(imported, module+"/services") },
	},
	{
		name:    "PostgreSQL's driver is for the tests of transact",
		from:    func(folder string) bool { return folder != "mesh/transact" },
		allowed: func(imported string) bool { return !within(imported, "github.com/jackc") },
	},
	{
		name:    "Prometheus' client is for those who use mesh/metrics",
		from:    func(folder string) bool { return folder != "mesh/metrics" },
		allowed: func(imported string) bool { return !within(imported, "github.com/prometheus") },
	},
	{
		name:    "OpenTelemetry is for those who use mesh/traces, and for the HTTP API of services",
		from:    func(folder string) bool { return folder != "mesh/traces" && folder != "services/httpapi" },
		allowed: func(imported string) bool { return !within(imported, "go.opentelemetry.io") },
	},
	{
		name:    "the HTTP API of services reads the context of a trace, and exports none",
		from:    func(folder string) bool { return folder == "services/httpapi" },
		allowed: func(imported string) bool { return !within(imported, "go.opentelemetry.io/proto") },
	},
	{
		name:    "only daemons export traces",
		from:    func(folder string) bool { return folder != "services/daemon" },
		allowed: func(imported string) bool { return imported != module+"/mesh/traces" },
	},
	{
		name:    "only daemons give out metrics",
		from:    func(folder string) bool { return folder != "services/daemon" },
		allowed: func(imported string) bool { return imported != module+"/mesh/metrics" },
	},
	{
		name: "only daemons, embedded and meshctl serve a console",
		from: func(folder string) bool {
			return folder != "services/daemon" && folder != "cmd/meshctl" && !within(folder, "embedded") && !within(folder, "browser")
		},
		allowed: func(imported string) bool { return imported != module+"/mesh/console" },
	},
	{
		name:    "nothing imports embedded",
		from:    func(folder string) bool { return !within(folder, "embedded") },
		allowed: func(imported string) bool { return !within(imported, module+"/embedded") },
	},
}

func TestImportsFollowTheArchitecture(t *testing.T) {
	for _, f := range parseGoFiles(t) {
		for _, spec := range f.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("%s: import %s: %v", f.at(spec), spec.Path.Value, err)
			}
			for _, rule := range importRules {
				if rule.from(f.folder()) && !rule.allowed(imported) {
					t.Errorf("%s imports %s: %s", f.at(spec), imported, rule.name)
				}
			}
			from, to := serviceOf(f.folder()), serviceOf(ourFolder(imported))
			if from != "" && to != "" && from != to {
				t.Errorf("%s imports %s: services do not import each other; the subject and the integer keys are the contract",
					f.at(spec), imported)
			}
		}
	}
}

// vocabulary are the public packages below mesh: what a file says, how an event
// came about, what became of it, what leads to what, why something happened, who may ask,
// and what a log says of it.
var vocabulary = []string{"mesh/config", "mesh/cause", "mesh/stats", "mesh/graph", "mesh/why", "mesh/operator", "mesh/logs"}

// inProcess are the packages that events pass inside of their process.
var inProcess = []string{"mesh/internal/clock", "mesh/internal/gate", "mesh/internal/meter", "mesh/internal/recorder", "mesh/internal/steps", "mesh/internal/queue",
	"mesh/internal/rules", "mesh/internal/delivery", "mesh/internal/handling"}

func isVocabulary(folder string) bool {
	return slices.ContainsFunc(vocabulary, func(v string) bool { return within(folder, v) })
}

// services are the packages that are nodes of their own, with all below them.
var services = []string{"services/clue", "services/hunt", "services/score"}

// serviceOf is the service that a folder belongs to, or "".
func serviceOf(folder string) string {
	for _, s := range services {
		if within(folder, s) {
			return s
		}
	}
	return ""
}

func ours(imported string) bool { return within(imported, module) }

// ourFolder is the folder of an imported package of this module, or "".
func ourFolder(imported string) string {
	folder, found := strings.CutPrefix(imported, module+"/")
	if !found {
		return ""
	}
	return folder
}

// within reports whether a path is root or below it.
func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// goFile is a parsed file of this module.
type goFile struct {
	name   string // from the module's root, with slashes
	files  *token.FileSet
	syntax *ast.File
	lines  int
}

func (f goFile) folder() string { return path.Dir(f.name) }

func (f goFile) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

func (f goFile) line(at token.Pos) int { return f.files.Position(at).Line }

// at is where a node stands, "mesh/emit.go:12".
func (f goFile) at(n ast.Node) string { return fmt.Sprintf("%s:%d", f.name, f.line(n.Pos())) }

// parseGoFiles parses every Go file of the module and of bench. It does not
// type-check: a rule about a file holds whether or not the rest compiles.
func parseGoFiles(t *testing.T) []goFile {
	t.Helper()
	var parsed []goFile
	for _, name := range filesOf(t, ".go") {
		if within(name, "bench") {
			continue // a module of its own, which measures others too
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		f := goFile{name: name, files: token.NewFileSet(), lines: strings.Count(string(text), "\n")}
		if f.syntax, err = parser.ParseFile(f.files, name, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	if len(parsed) == 0 {
		t.Fatal("no Go files found: the test does not run in the module's root")
	}
	return parsed
}
