import type { StandardSchemaV1 } from '@standard-schema/spec'

type FieldType<Value> = Value extends string ? 'string' : 'number'

/** A small Standard Schema; programs bring those of zod, valibot or arktype. */
function fields<Data>(expected: { readonly [Name in keyof Data]: FieldType<Data[Name]> }): StandardSchemaV1<Data> {
  return {
    '~standard': {
      version: 1,
      vendor: 'tidings-demo',
      validate: (value) => {
        const given = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
        const wrong = Object.entries(expected).filter(([name, type]) => typeof given[name] !== type)
        return wrong.length === 0
          ? { value: value as Data }
          : { issues: wrong.map(([name, type]) => ({ message: `${name} must be a ${type}`, path: [name] })) }
      },
    },
  }
}

/** What is said in the demo's shop: the event types and their data. */
interface ShopData {
  'order.created': { orderId: string; item: string; total: number }
  'order.paid': { orderId: string; total: number }
  'order.shipped': { orderId: string; carrier: string }
  'price.quote': { item: string }
}

export type ShopEvents = { readonly [Type in keyof ShopData]: StandardSchemaV1<ShopData[Type]> }

export const shopEvents: ShopEvents = {
  'order.created': fields<ShopData['order.created']>({ orderId: 'string', item: 'string', total: 'number' }),
  'order.paid': fields<ShopData['order.paid']>({ orderId: 'string', total: 'number' }),
  'order.shipped': fields<ShopData['order.shipped']>({ orderId: 'string', carrier: 'string' }),
  'price.quote': fields<ShopData['price.quote']>({ item: 'string' }),
}
