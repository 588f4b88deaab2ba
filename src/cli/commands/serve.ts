import type { Command } from 'commander'
import { port, wholeNumber } from '../arguments.ts'
import { DEFAULT_DRAIN_MS, DEFAULT_PORT, type ServeOptions } from '../serve-options.ts'

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('Open a gateway: WebSocket, Server-Sent Events and an HTTP API for browsers and apps.')
    .option('--dev', 'for trying it out: this machine only, everybody may do everything, with a page')
    .option('--port <n>', `the port to listen on (default: the variable PORT, else ${DEFAULT_PORT})`, port)
    .option('--host <address>', 'the address to listen on (default: 127.0.0.1)')
    .option('--config <file>', 'the configuration (default: tidings.config.ts, .mts, .js, .mjs or .json here)')
    .option('--drain-ms <n>', 'when told to end, how long clients are sent elsewhere', wholeNumber, DEFAULT_DRAIN_MS)
    .addHelpText(
      'after',
      `
With --dev it needs no Redis and no configuration: open the address that it prints.
Without, a configuration or TIDINGS_TOKEN_SECRET says who may connect; see docs/security.md.
SIGTERM or Ctrl-C drains it: clients are told to connect elsewhere, over --drain-ms.

Examples:
  $ tidings serve --dev
  $ REDIS_URL=redis://127.0.0.1:6379 tidings serve --dev --port 8080
  $ TIDINGS_TOKEN_SECRET=… tidings serve --config tidings.config.ts`,
    )
    .action(async (options: ServeOptions, command: Command) => {
      // What it needs is much, and no other command needs it.
      const { serve } = await import('../serve-gateway.ts')
      await serve(options, command)
    })
}
