/** A Tidings gateway that lets everybody in, so that what is measured is carrying. Argument: the URL of Redis. */
import { createServer } from 'node:http'
import { createGateway } from '../../../dist/gateway/index.js'
import { EventBus } from '../../../dist/index.js'
import { serve } from '../serving.mjs'
import { listen } from './listen.mjs'

const [redis] = process.argv.slice(2)
const many = 1_000_000
const bus = new EventBus({ redis, channelPrefix: '' })
const rule = { recover: true, presence: false, joinLeave: false, slow: /** @type {const} */ ('close') }
const nobody = { userId: '', claims: {} }
const gateway = createGateway({
  bus,
  gatekeeper: {
    // As that for JSON Web Tokens does.
    byTokenAlone: true,
    // A token is the user's name.
    connect: async (token) => (token === undefined ? nobody : { userId: token, claims: {} }),
    subscription: async () => ({}),
    rule: () => rule,
    allows: async () => true,
    allowsOrigin: () => true,
  },
  limits: { connectionsPerIp: many, connectionsPerUser: many, commandsPerSecond: many },
})
await gateway.ready
const server = createServer()
gateway.attach(server)
serve(await listen(server))
