import type { GatewayNode } from '../../gateway-node.ts'
import type { Endpoint } from './endpoint.ts'
import { eventEndpoints } from './events.ts'
import { inboxEndpoints } from './inbox.ts'
import { notificationEndpoints } from './notifications.ts'
import { preferenceEndpoints } from './preferences.ts'

/** All of `/v1`. Those of notifications are there where the gateway has some. */
export function v1Endpoints({ bus, notifications }: Pick<GatewayNode, 'bus' | 'notifications'>): readonly Endpoint[] {
  if (notifications === undefined) return eventEndpoints(bus)
  return [
    ...eventEndpoints(bus),
    ...notificationEndpoints(notifications),
    // These first: a topic may be called like something that is done with a notification.
    ...preferenceEndpoints(notifications),
    ...inboxEndpoints(notifications),
  ]
}
