package huntpages

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httputil"
	"net/url"

	"leafmesh/mesh/console"
	"leafmesh/mesh/door"
)

//go:embed assets
var files embed.FS

// Root is below what path the pages are.
const Root = "/hunt/"

// Links lead to the pages.
func Links() []console.Link {
	return []console.Link{{Text: "Leaderboard", Path: Root}, {Text: "Play", Path: Root + "play"}}
}

// New makes the handler of [Root] and all below it. It is given where the APIs of clue, hunt and
// score are.
func New(clue, hunt, score string) (http.Handler, error) {
	mux := http.NewServeMux()
	for name, at := range map[string]string{"clue": clue, "hunt": hunt, "score": score} {
		target, err := url.Parse(at)
		if err != nil {
			return nil, fmt.Errorf("address of the API of %s: %w", name, err)
		}
		below := Root + "api/" + name
		mux.Handle(below+"/", http.StripPrefix(below, passOn(target)))
	}
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		return nil, err
	}
	mux.Handle("GET "+Root+"{$}", page(assets, "leaderboard.html"))
	mux.Handle("GET "+Root+"play", page(assets, "play.html"))
	mux.Handle("GET "+Root+"assets/", door.Bounded(http.StripPrefix(Root+"assets/", fresh(http.FileServerFS(assets)))))
	return mux, nil
}

// passOn passes requests on to a service. The console has looked where they come from; the service
// would take them for those of another origin.
func passOn(target *url.URL) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("Origin")
		r.Out.Header.Del("Sec-Fetch-Site")
	}}
}

func page(assets fs.FS, name string) http.Handler {
	return door.Bounded(fresh(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, assets, name) })))
}

// fresh has a browser ask each time: another version of the program may have taken the port.
func fresh(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}
