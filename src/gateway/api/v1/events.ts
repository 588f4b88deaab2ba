import { TidingsError } from '../../../core/errors.ts'
import type { AppendOptions } from '../../../messaging/append.ts'
import type { EventBus } from '../../../messaging/event-bus.ts'
import { WithoutHistory } from '../without-history.ts'
import type { Endpoint } from './endpoint.ts'
import { EventInput, EventReceipt } from './schemas/event.ts'

interface Input extends Pick<AppendOptions, 'dedupeKey' | 'dedupeWindowMs'> {
  readonly data?: unknown
  readonly append?: boolean
}

/** What other servers do with events. */
export function eventEndpoints(bus: EventBus): readonly Endpoint[] {
  const without = new WithoutHistory()
  return [
    {
      method: 'POST',
      path: '/v1/events/:type',
      id: 'sendEvent',
      summary: 'Emit or append an event',
      tag: 'Events',
      by: 'server',
      params: { type: { type: 'string', description: 'Of the event, such as `order.created`.' } },
      keyed: true,
      body: {
        schema: EventInput,
        example: { data: { orderId: 'ORD-123' }, append: true, dedupeKey: 'ORD-123' },
      },
      answer: {
        schema: EventReceipt,
        example: { receivers: 1, position: '1-1@k3j9x2m4p8q1', duplicate: false },
      },
      problems: { 409: '`NO_HISTORY`: nothing is kept of this type.' },
      handle: async ({ params: { type = '' }, body, idempotencyKey }) => {
        const { data = null, append = false, dedupeKey = idempotencyKey, dedupeWindowMs } = body as Input
        // A key is of use only where something is kept.
        if (append || (dedupeKey !== undefined && !without.has(type))) {
          try {
            return await bus.append(type, data, { dedupeKey, ...(dedupeWindowMs !== undefined && { dedupeWindowMs }) })
          } catch (error) {
            if (append || !(error instanceof TidingsError) || error.code !== 'NO_HISTORY') throw error
            without.add(type)
          }
        }
        return { receivers: await bus.emit(type, data) }
      },
    },
  ]
}
