import { z } from 'zod'
import { personalReasons } from '../domain/device.ts'
import { idOf, shownId } from '../platform/http/schemas/ids.ts'
import { shownText } from '../platform/http/schemas/text.ts'
import { timestamp } from '../platform/http/schemas/time.ts'

export const portalLinkBody = z
  .object({
    id: shownId('portalSession', 'Identifies the link in activities; it is no credential.'),
    url: z.string().meta({
      description: 'Give it to the user, and to nobody else.',
      example: 'https://countersign.example/t/tnt_01jv9z3k8we2tvn4qh6yrx7b5c/me/<43 characters>',
    }),
    expiresAt: timestamp('When the link expires.'),
  })
  .meta({ id: 'PortalLink', description: 'A link that works once.' })

export const openedLink = z
  .strictObject({
    tenantId: idOf('tenant', 'The tenant in the path of the link.'),
    token: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/)
      .meta({
        description: 'The last part of the link.',
        example: 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg',
      }),
  })
  .meta({ id: 'OpenedPortalLink', description: 'The parts of a link.' })

export const portalUserBody = z
  .object({
    user: z.object({ id: shownId('user', 'The user.'), displayName: shownText('Ada Lovelace') }),
    tenant: z.object({ id: shownId('tenant', 'The tenant.'), name: shownText('Example Group') }),
    expiresAt: timestamp('When the session ends.'),
  })
  .meta({ id: 'PortalUser', description: 'The user of a portal session.' })

export const portalUnregistration = z
  .strictObject({ reason: z.enum(personalReasons) })
  .meta({ id: 'PortalUnregistration', description: 'Why the device is unregistered.' })
