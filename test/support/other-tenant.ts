import { pino } from 'pino'
import { scopes } from '../../src/domain/scope.ts'
import { openOperations } from '../../src/service/open-operations.ts'
import { expectGranted } from './expect-granted.ts'
import type { RunningService } from './running-service.ts'

/** Another tenant of the service, and an API key of it with all scopes. */
export async function createOtherTenant(
  service: Pick<RunningService, 'config' | 'origin'>,
): Promise<{ readonly tenantId: string; readonly key: string }> {
  const log = pino({ level: 'silent' })
  const operator = await openOperations(service.config, service.origin, log)
  try {
    const { id: tenantId } = await expectGranted(operator.createTenant('Other'))
    const namespaces = ['other']
    const party = { tenantId, name: 'Other', namespaces }
    const { id: rpId } = await expectGranted(operator.createRelyingParty(party))
    const input = { tenantId, rpId, name: 'Other', scopes, expiresAt: null }
    const { secret: key } = await expectGranted(operator.createApiKey(input))
    return { tenantId, key }
  } finally {
    await operator.close()
  }
}
