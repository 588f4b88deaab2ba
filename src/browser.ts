// What bundlers for browsers are given in place of the server's package: an early, clear stop.
throw new Error('tidings runs on servers: it speaks to Redis. It cannot be bundled for a browser.')
