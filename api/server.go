package api

import (
	"net/http"
	"time"

	"go.uber.org/zap"
)

// The limits of a connection (RELIABILITY T8): a client that sends or reads
// slowly holds a connection for so long and no longer.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second // header and body
	writeTimeout      = 30 * time.Second // longer than any handler: a ping of both systems ends after pingTimeout
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10 // no header or URL of ours needs more; net/http adds 4 KB of slack
)

// Server returns a server with our limits around a handler. log takes what
// net/http has to say, which never includes a URL.
func Server(h http.Handler, log *zap.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		DisableGeneralOptionsHandler: true, // OPTIONS * is a path like any other
		ErrorLog:                     zap.NewStdLog(log.Named("http"))}
}
