import { isRefusal } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { route } from '../../platform/http/route.ts'
import type { DeviceOptions } from '../device.http.ts'
import { proofOf } from '../device-proof.guard.ts'
import type * as useCases from '../use-cases.ts'
import { givenDiagnostics, incidentBody } from './diagnostics.schemas.ts'

type Options = DeviceOptions<Bound<typeof useCases>>

/** What a device sends when something went wrong. */
export function ownDiagnosticsRoutes(
  app: HttpApp,
  { useCases, proof }: Options,
  done: () => void,
): void {
  route(
    app,
    'POST /device/v1/diagnostics',
    proof('possession', {
      operationId: 'sendDiagnostics',
      tag: 'device API',
      summary: "Send the app's own log to the admins of the tenant",
      description: 'At most five times within an hour. Ask the person first.',
      body: givenDiagnostics,
      answers: { 201: { description: 'They are stored for a time.', schema: incidentBody } },
      refusals: ['proof_replayed', 'too_many_diagnostics', 'conflict'],
    }),
    async (request) => {
      const incident = await useCases.sendDiagnostics(proofOf(request), request.body)
      return isRefusal(incident) ? incident : incident
    },
  )
  done()
}
