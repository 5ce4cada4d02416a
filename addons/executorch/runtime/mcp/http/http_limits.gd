@tool
extends RefCounted
## The limits of the HTTP server.

## Connections that have sent a request with the token.
var connections: int = 64
## Others: more than these, and more than a moment old, are closed, the oldest first.
var strangers: int = 16
var stranger_msec: int = 250
## Never more than these, however young.
var most_strangers: int = 1024
var body_bytes: int = 1024 * 1024
## JSON nesting.
var depth: int = 64
## Per connection; a burst of `burst` requests may come at once.
var requests_per_second: float = 1000.0
var burst: float = 2000.0
## Milliseconds: to send a head, to send a body, to wait between requests, to take bytes that are written.
var head_msec: int = 5000
var body_msec: int = 30000
var idle_msec: int = 120000
var write_msec: int = 30000
