import type { IntegrationId, TenantId } from '../../domain/ids.ts'
import type { Parameters } from '../../domain/oidc-request.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import type { ClientRequestStore } from './client.store.ts'

type Owner = { readonly tenantId: TenantId; readonly integrationId: IntegrationId }
type ByHash = Owner & { readonly hash: Uint8Array }

const insertPushed = statement<ByHash & { readonly parameters: string; readonly seconds: number }>(
  'push_request',
  `insert into pushed_requests (tenant_id, hash, integration_id, parameters, expires_at)
   values (:tenantId, :hash, :integrationId, :parameters::jsonb,
     clock_timestamp() + make_interval(secs => :seconds))`,
)

const findPushed = statement<ByHash, { readonly parameters: Parameters }>(
  'find_pushed_request',
  `select parameters from pushed_requests
   where tenant_id = :tenantId and hash = :hash and integration_id = :integrationId
     and expires_at > clock_timestamp()`,
)

const useAssertion = statement<
  ByHash & { readonly seconds: number },
  { readonly integrationId: IntegrationId }
>(
  'use_assertion',
  `insert into used_assertions (tenant_id, integration_id, hash, expires_at)
   values (:tenantId, :integrationId, :hash, clock_timestamp() + make_interval(secs => :seconds))
   on conflict do nothing returning integration_id`,
)

/** Pushed requests and used assertions of clients. */
export function buildClientRequestStore(database: Database): ClientRequestStore {
  return {
    async push({ parameters, ...request }) {
      await run(database, insertPushed, { ...request, parameters: JSON.stringify(parameters) })
    },

    async findPushed(request) {
      const [row] = await run(database, findPushed, request)
      return row?.parameters ?? null
    },

    async useAssertion(assertion) {
      return (await run(database, useAssertion, assertion)).length > 0
    },
  }
}
