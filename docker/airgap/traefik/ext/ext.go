// Package ext stands in for Traefik's extension point of the same name. Traefik keeps it in a nested module that its
// published module replaces with a local folder, so no package registry has it. Upstream's types are empty as well.
package ext

// HTTP extends the dynamic HTTP configuration with nothing.
type HTTP struct{}

// Router extends a router with nothing.
type Router struct{}
