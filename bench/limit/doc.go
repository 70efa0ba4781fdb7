// Package limit measures what no event mesh can be quicker than on the machine it runs on.
package limit
