import { Command } from 'ioredis'
import { PUBLISH, PUBLISH_CHANNEL } from './lua.generated.ts'

/** A message as it goes to Redis. */
export interface Outgoing {
  readonly channel: string
  readonly payload: string | Buffer
  /** Of the payload. */
  readonly bytes: number
}

/**
 * A command that is encoded already. Left to itself the client measures, copies and joins each argument, which for the
 * many of a script call is most of what the call costs.
 */
class EncodedCommand extends Command {
  readonly #encoded: string

  /** @param args what an error or a trace may show */
  constructor(name: string, args: string[], encoded: string) {
    super(name, args)
    this.#encoded = encoded
  }

  override toWritable(): string {
    return this.#encoded
  }
}

/** The script call that publishes some messages, in order; its answer has an element for each. */
export function publishCall(messages: readonly Outgoing[]): Command {
  const [{ channel }] = messages as [Outgoing]
  const alike = messages.every((message) => message.channel === channel)
  const script = [alike ? PUBLISH_CHANNEL : PUBLISH, '0']
  const payloads = messages.length
  if (messages.every(isText)) {
    const count = 1 + script.length + (alike ? 1 + payloads : 2 * payloads)
    const start = `*${count}\r\n${argument('eval')}${script.map((part) => argument(part)).join('')}`
    return new EncodedCommand('eval', script, alike ? onOne(start, messages) : onSeveral(start, messages))
  }
  const args: (string | Buffer)[] = alike ? [...script, channel] : script
  for (const message of messages) {
    if (!alike) args.push(message.channel)
    args.push(message.payload)
  }
  return new Command('eval', args)
}

type Text = Outgoing & { readonly payload: string }

function isText(message: Outgoing): message is Text {
  return typeof message.payload === 'string'
}

function onOne(start: string, messages: readonly Text[]): string {
  let encoded = start + argument(messages[0]!.channel)
  for (const { payload, bytes } of messages) encoded += argument(payload, bytes)
  return encoded
}

function onSeveral(start: string, messages: readonly Text[]): string {
  let encoded = start
  for (const { channel, payload, bytes } of messages) encoded += argument(channel) + argument(payload, bytes)
  return encoded
}

function argument(text: string, bytes: number = Buffer.byteLength(text)): string {
  return `$${bytes}\r\n${text}\r\n`
}
