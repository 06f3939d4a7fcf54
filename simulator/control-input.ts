import { z } from 'zod'
import { type PushServiceName, pushServices } from './browsers.ts'

const provider = z.enum(['apns', 'fcm'])
const common = {
  provider: z.enum(['apns', 'fcm', 'oauth', 'web_push']),
  times: z.union([z.int().positive(), z.literal('always')]).exactOptional(),
  token: z.string().exactOptional(),
  collapseId: z.string().exactOptional(),
}
const status = z.int().min(200).max(599)
const processedFlag = z.boolean().exactOptional()

/** Body of `POST /phones`. */
export const phoneInput = z.strictObject({
  provider,
  appId: z.string().min(1),
  environment: z.enum(['production', 'sandbox']).exactOptional(),
  projectId: z.string().exactOptional(),
  token: z.string().min(1).exactOptional(),
})

const services = Object.keys(pushServices) as [PushServiceName, ...PushServiceName[]]

/** Body of `POST /browsers`: the key that it subscribes under, an uncompressed point of P-256. */
export const browserInput = z.strictObject({
  vapidKey: z.string().regex(/^[\w-]{87}$/),
  service: z.enum(services).exactOptional(),
})

/** Body of `PUT /phones/{token}/online` and `PUT /browsers/{endpoint}/online`. */
export const onlineInput = z.strictObject({ online: z.boolean() })

/** Body of `POST /goaway`. */
export const goawayInput = z.strictObject({ phases: z.union([z.literal(1), z.literal(2)]) })

/** Body of `POST /faults`: `Fault` without its function. */
export const faultInput = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('reason'),
    reason: z.string().min(1),
    status: status.exactOptional(),
    retryAfterSeconds: z.int().nonnegative().exactOptional(),
    timestamp: z.int().nonnegative().exactOptional(),
  }),
  z.strictObject({ ...common, kind: z.literal('delay'), ms: z.int().nonnegative() }),
  z.strictObject({ ...common, kind: z.literal('stall'), processed: processedFlag }),
  z.strictObject({ ...common, kind: z.literal('stall_connection') }),
  z.strictObject({
    ...common,
    kind: z.literal('reset'),
    processed: processedFlag,
    code: z.int().nonnegative().exactOptional(),
  }),
  z.strictObject({ ...common, kind: z.literal('close_socket'), processed: processedFlag }),
  z.strictObject({
    ...common,
    kind: z.literal('goaway'),
    phases: z.union([z.literal(1), z.literal(2)]),
    reason: z.string().exactOptional(),
  }),
  z.strictObject({ ...common, kind: z.literal('garbage'), status: status.exactOptional() }),
  z.strictObject({ ...common, kind: z.literal('empty_body'), status }),
  z.strictObject({ ...common, kind: z.literal('refuse_connection') }),
  z.strictObject({ ...common, kind: z.literal('silent_connection') }),
])
