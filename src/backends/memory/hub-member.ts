import { TidingsError } from '../../core/errors.ts'
import { ListenerTable } from '../../core/listener-table.ts'
import { type Hub, joinHub } from './hub.ts'

/** What keeps a hub alive from its first use to its end, without listening to anything. */
export class HubMember {
  readonly #hubName: string
  readonly #table = new ListenerTable()
  #hub: Hub | undefined
  #closed = false

  constructor(hubName: string) {
    this.#hubName = hubName
  }

  /** @throws TidingsError `CLOSED` */
  use(): Hub {
    if (this.#closed) throw new TidingsError('CLOSED', 'This object is closed.', { hint: 'Create a new one to go on.' })
    this.#hub ??= joinHub(this.#hubName, this.#table)
    return this.#hub
  }

  async close(): Promise<void> {
    this.#closed = true
    const hub = this.#hub
    this.#hub = undefined
    await hub?.leave(this.#table)
  }
}
