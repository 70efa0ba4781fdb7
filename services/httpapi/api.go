package httpapi

import (
	"context"
	"net/http"
)

// API is a service's HTTP API over its life: not yet served, served, ended. The zero API is not yet
// served. Serve is called once, before the other methods; these may be called at the same time.
type API struct {
	server *Server // nil before Serve, and for good without an address
}

// Serve listens on addr and serves h to those who ask for it by a name of hosts or of its own, as
// NewServer does, with the same errors. With an empty addr it does nothing: the service has no HTTP
// API. The context of each request derives from ctx, so ctx must live until Close has returned.
func (a *API) Serve(ctx context.Context, addr string, h http.Handler, hosts ...string) error {
	if addr == "" {
		return nil
	}
	server, err := NewServer(ctx, addr, h, hosts...)
	if err != nil {
		return err
	}
	a.server = server
	return nil
}

// URL returns where the API is reached, without a slash at the end; "" when it does not serve.
func (a *API) URL() string {
	if a.server == nil {
		return ""
	}
	return a.server.URL()
}

// Close ends the API, as Server.Close does. Harmless when it does not serve, and a second time.
func (a *API) Close(ctx context.Context) error {
	if a.server == nil {
		return nil
	}
	return a.server.Close(ctx)
}
